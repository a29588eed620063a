/**
 * The upstream of the memory bench, in a process of its own: Gemini's answer around one PNG of noise, sent from one buffer without a
 * length, as Google does. Told a picture's size, it says what it will send from then on; first of all it says its port.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { noisePng } from "../noise-png.ts";

export interface Sent {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** What the upstream sends, as it sends it and as the picture in it. */
export interface Sending {
  readonly document: Sent;
  readonly picture: Sent;
}

function toDocument(picture: Buffer): Buffer {
  const inlineData = { mimeType: "image/png", data: picture.toString("base64") };
  return Buffer.from(
    JSON.stringify({
      candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: [{ inlineData }] } }],
      usageMetadata: { promptTokenCount: 14, candidatesTokenCount: 1120, totalTokenCount: 1134 },
      modelVersion: "gemini-3-pro-image",
      responseId: "bench",
    }),
  );
}

const sent = (bytes: Buffer): Sent => ({
  bytes: bytes.byteLength,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

let document: Buffer = Buffer.alloc(0);

process.on("message", (pictureBytes: number) => {
  const picture = noisePng(pictureBytes).bytes;
  document = toDocument(picture);
  process.send?.({ document: sent(document), picture: sent(picture) } satisfies Sending);
});

const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/json; charset=UTF-8" });
    response.end(document);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.(address.port);
});
process.once("disconnect", () => process.exit(0));
