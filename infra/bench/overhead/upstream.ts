/**
 * The upstream of the overhead bench, in a process of its own: answers every path with one picture, from one buffer, at once.
 * Says its port to the parent and ends with it.
 */
import { createServer } from "node:http";
import { noisePng } from "../noise-png.ts";

const { bytes } = noisePng(Number(process.argv[2]));
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    response.writeHead(200, {
      "content-type": "image/png",
      "content-length": bytes.byteLength,
      "x-model-version": "bench@1",
    });
    response.end(bytes);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.(address.port);
});
process.once("disconnect", () => process.exit(0));
