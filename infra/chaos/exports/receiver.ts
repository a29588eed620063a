/** Takes webhooks, refuses some of them by chance, and remembers what came. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Receiver {
  readonly url: string;
  /** Job → webhook ids that came for it, one entry a call. */
  readonly calls: ReadonlyMap<string, readonly string[]>;
  close(): void;
}

/** Starts it on a free loopback port. `refuses` decides for each call; `came` is told before the answer is sent. */
export async function startReceiver(options: { refuses(): boolean; came(): void }): Promise<Receiver> {
  const calls = new Map<string, string[]>();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      const { data } = JSON.parse(body) as { data: { id: string } };
      calls.set(data.id, [...(calls.get(data.id) ?? []), String(request.headers["webhook-id"])]);
      options.came();
      response.writeHead(options.refuses() ? 500 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    calls,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
