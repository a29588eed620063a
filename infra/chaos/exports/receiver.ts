/** Takes webhooks, misbehaves with some of them by chance, and remembers what came. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How a call is met: taken; refused; cut off after it was read, so that its sender hears nothing; taken late. */
export type Reception = "takes" | "refuses" | "cuts" | "dawdles";

/** How late a late answer comes, ms. */
const LATE_MS = 1_500;

export interface Receiver {
  readonly url: string;
  /** Job → webhook ids that came for it, one entry a call. */
  readonly calls: ReadonlyMap<string, readonly string[]>;
  close(): void;
}

/** Starts it on a free loopback port. `receives` decides for each call; `came` is told before the answer is sent. */
export async function startReceiver(options: { receives(): Reception; came(): void }): Promise<Receiver> {
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
      answer(response, options.receives());
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

function answer(response: ServerResponse, reception: Reception): void {
  if (reception === "cuts") response.destroy();
  else if (reception === "dawdles") setTimeout(() => response.writeHead(204).end(), LATE_MS);
  else response.writeHead(reception === "refuses" ? 500 : 204).end();
}
