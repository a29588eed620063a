/** Is a loopback port free? Asked before anything is started, so that a taken one is a clear message and not a stack trace. */
import { createServer } from "node:net";

/** The port is taken; the message says what to do. */
export class PortTakenError extends Error {}

/** Throws `PortTakenError` with `fix`, the command to run instead, when something listens on the port. */
export async function assertPortFree(port: number, fix: string): Promise<void> {
  const free = await new Promise<boolean>((decide) => {
    const probe = createServer();
    probe.once("error", () => decide(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => decide(true)));
  });
  if (!free) throw new PortTakenError(`Port ${port} is taken on 127.0.0.1. Stop what listens there, or run: ${fix}`);
}
