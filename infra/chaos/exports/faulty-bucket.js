/**
 * A bucket that misbehaves by chance, before the real one: a Worker of its own, called by RPC in the place of the binding.
 *
 * Each call may fail before it is done, fail after it was done (its answer is lost), or take its time; a read may break off in the
 * middle, and a look may find nothing of what is there. SHARE of the calls are struck, by seeded chance.
 */
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

let state;

/** A linear congruential generator (Numerical Recipes), 0…1. */
function chance(env) {
  state = (Math.imul(state ?? Number(env.SEED) >>> 0, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

const struck = (env) => chance(env) < Number(env.SHARE);

/** Does the work, or not, or twice as slowly. */
async function unreliably(env, work) {
  if (!struck(env)) return work();
  const kind = chance(env);
  if (kind < 0.35) throw new Error("storm: the store failed");
  if (kind < 0.7) {
    await work();
    throw new Error("storm: the store's answer was lost");
  }
  await new Promise((resolve) => setTimeout(resolve, 200 + chance(env) * 1_800));
  return work();
}

const facts = (object) =>
  object === null ? null : { key: object.key, size: object.size, etag: object.etag, uploaded: object.uploaded };

class Upload extends RpcTarget {
  constructor(env, upload) {
    super();
    this.env = env;
    this.upload = upload;
  }
  uploadPart(number, bytes) {
    return unreliably(this.env, () => this.upload.uploadPart(number, bytes));
  }
  complete(parts) {
    return unreliably(this.env, async () => facts(await this.upload.complete(parts)));
  }
  abort() {
    return this.upload.abort();
  }
}

/** The first half of a stream, and an error. */
function broken(body, size) {
  let left = size >> 1;
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        if (left <= 0) throw new Error("storm: the read broke off");
        controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
      },
    }),
  );
}

export class FaultyBucket extends WorkerEntrypoint {
  get(key, options) {
    return unreliably(this.env, async () => {
      const object = await this.env.BUCKET.get(key, options);
      if (object === null) return null;
      const body = struck(this.env) ? broken(object.body, object.size) : object.body;
      return { ...facts(object), body };
    });
  }
  head(key) {
    if (struck(this.env)) return null;
    return unreliably(this.env, async () => facts(await this.env.BUCKET.head(key)));
  }
  put(key, value, options) {
    return unreliably(this.env, async () => {
      // A stream loses its length on the way here, and the store wants to know it.
      const bytes = value instanceof ReadableStream ? await new Response(value).arrayBuffer() : value;
      return facts(await this.env.BUCKET.put(key, bytes, options));
    });
  }
  delete(keys) {
    return unreliably(this.env, () => this.env.BUCKET.delete(keys));
  }
  list(options) {
    return unreliably(this.env, async () => {
      const { objects, truncated } = await this.env.BUCKET.list(options);
      return { objects: objects.map(facts), truncated };
    });
  }
  createMultipartUpload(key, options) {
    return unreliably(
      this.env,
      async () => new Upload(this.env, await this.env.BUCKET.createMultipartUpload(key, options)),
    );
  }
}

/** The keys that are there, for whoever counts. */
export default {
  async fetch(_request, env) {
    const keys = [];
    for (let cursor, more = true; more; ) {
      const page = await env.BUCKET.list(cursor === undefined ? {} : { cursor });
      keys.push(...page.objects.map(({ key }) => key));
      [cursor, more] = [page.cursor, page.truncated];
    }
    return Response.json(keys);
  },
};
