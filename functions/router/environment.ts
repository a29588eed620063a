/**
 * The Worker's bindings and variables, as wrangler.toml declares them. Secrets are read by the name that the catalogue gives.
 */
export interface Env {
  /** Compiled configuration: `config/current` and `config/<version>`. */
  readonly CONFIG: KVNamespace;
  /** One scheduler a place, by the place's id. */
  readonly REGION: DurableObjectNamespace;
  /** Finished pictures. */
  readonly IMAGES: R2Bucket;
  /** Static files (functions/pages/public); absent where the Worker runs without them. */
  readonly ASSETS?: Fetcher;
  /** Cloudflare Images, where wrangler.toml binds it: brings exports to exactly the asked size, and decodes them once. */
  readonly CODEC?: ImagesBinding;
  /** Secret that links to pictures are signed with. Without it a deployed Worker makes no links. */
  readonly GALLEY_LINK_KEY?: string;
  /** Workers AI, where wrangler.toml binds it: a last resort that needs no endpoint of ours. */
  readonly AI?: AiBinding;
  /** `local` on loopback development only: tenant `local` without a key, and headers that force things. Anything else: deployed. */
  readonly GALLEY_MODE?: string;
  /** `1`, in local mode only: features of each request go into the log. */
  readonly GALLEY_RECORD?: string;
  /** One experiment a canary, by its name. */
  readonly ROLLOUT: DurableObjectNamespace;
  /** Export jobs: one object a job, one index a tenant. */
  readonly JOB: DurableObjectNamespace;
  readonly EXPORT_INDEX: DurableObjectNamespace;
  /** Secret: signs webhooks. Space-separated `whsec_…`, the newest first. */
  readonly GALLEY_WEBHOOK_SECRETS?: string;
  /** Most open exports of a tenant; 100 where it is not set. */
  readonly GALLEY_MAX_OPEN_EXPORTS?: string;
}

/** The one call of the AI binding that is needed; its own types list every model by name, and the catalogue names ours. */
export interface AiBinding {
  run(model: string, inputs: Readonly<Record<string, unknown>>, options: { signal: AbortSignal }): Promise<unknown>;
}

/** Is this loopback development? Fails closed: an unset variable means deployed. */
export function isLocal(env: Env): boolean {
  return env.GALLEY_MODE === "local";
}

/** A secret by its catalogue name. Only strings count: a binding of another kind is not a key. */
export function secretOf(env: Env, name: string): string | undefined {
  const value = (env as unknown as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
