/**
 * What an export asks of the object store, with nothing around it: parts of 5 MiB from one buffer, a read to the end, a read into a put.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

const PART_BYTES = 5 * 1024 * 1024;

/** Reads through one buffer that goes round. */
async function drain(body) {
  const reader = body.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(256 * 1024);
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) return;
    buffer = value.buffer;
  }
}

export class Unused extends WorkerEntrypoint {}

export default {
  async fetch(request, env) {
    const query = new URL(request.url).searchParams;
    const key = `scratch/${query.get("name")}`;
    let left = Number(query.get("bytes"));
    const part = new Uint8Array(PART_BYTES);
    const upload = await env.BUCKET.createMultipartUpload(key);
    const parts = [];
    for (; left > 0; left -= PART_BYTES) {
      parts.push(await upload.uploadPart(parts.length + 1, part.subarray(0, Math.min(left, PART_BYTES))));
    }
    await upload.complete(parts);
    await drain((await env.BUCKET.get(key)).body);
    await env.BUCKET.put(`art/${key}`, (await env.BUCKET.get(key)).body);
    await env.BUCKET.delete(key);
    return new Response("done");
  },
};
