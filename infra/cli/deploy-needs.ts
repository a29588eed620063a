/** What a deploy needs of the account: ids in wrangler.toml, buckets, secrets. Told by wrangler; the answer is what is lacking. */
import type { Snapshot } from "../../routing/authoring.ts";
import type { WranglerRun } from "../local/wrangler.ts";

/** What wrangler.toml and the catalogue ask for. */
export interface DeployTerms {
  /** KV bindings whose id is still a name: the ids that Cloudflare gives are 32 hex digits. */
  readonly namelessNamespaces: readonly string[];
  readonly buckets: readonly string[];
  readonly secrets: readonly string[];
}

export interface Lacking {
  readonly kind: "login" | "namespace" | "bucket" | "secret";
  readonly what: string;
  /** As it can be pasted. */
  readonly command: string;
}

/** Signs the links to pictures: without it a deployed Worker makes none. */
const OWN_SECRETS = ["GALLEY_LINK_KEY"];

/** Reads the terms. Secrets are needed where an endpoint with a real address names them. */
export function readTerms(toml: string, { content }: Snapshot): DeployTerms {
  const namespaces = [...toml.matchAll(/^\[\[kv_namespaces\]\]\s*binding = "([^"]+)"\s*id = "([^"]*)"/gm)];
  const buckets = [...toml.matchAll(/^bucket_name = "([^"]+)"/gm)].map(([, name = ""]) => name);
  const secrets = Object.values(content.catalog.endpoints).flatMap(({ secret, url }) =>
    secret === undefined || URL.parse(url)?.hostname.endsWith(".example") ? [] : [secret],
  );
  return {
    namelessNamespaces: namespaces
      .filter(([, , id = ""]) => !/^[0-9a-f]{32}$/.test(id))
      .map(([, binding = ""]) => binding),
    buckets,
    secrets: [...new Set([...OWN_SECRETS, ...secrets])].sort(),
  };
}

/** What is lacking; `run` runs wrangler. Not logged in hides everything else. */
export async function findLacking(
  terms: DeployTerms,
  run: (args: readonly string[]) => Promise<WranglerRun>,
): Promise<readonly Lacking[]> {
  const namespaces = terms.namelessNamespaces.map(
    (binding): Lacking => ({
      kind: "namespace",
      what: `the KV namespace ${binding} has no id in wrangler.toml`,
      command: `npx wrangler kv namespace create ${binding}   # and put its id into wrangler.toml`,
    }),
  );
  const who = await run(["whoami"]);
  if (who.exitCode !== 0 || /not authenticated/i.test(who.output)) {
    const login = { kind: "login", what: "wrangler is not logged in, or cannot reach Cloudflare" } as const;
    return [{ ...login, command: "npx wrangler login   # or set CLOUDFLARE_API_TOKEN" }, ...namespaces];
  }
  const [buckets, secrets] = [await run(["r2", "bucket", "list"]), await run(["secret", "list", "--format", "json"])];
  return [
    ...namespaces,
    ...terms.buckets
      .filter((name) => !new RegExp(`^name:\\s+${name}$`, "m").test(buckets.stdout))
      .map(
        (name): Lacking => ({
          kind: "bucket",
          what: `there is no R2 bucket ${name}`,
          command: `npx wrangler r2 bucket create ${name}`,
        }),
      ),
    ...terms.secrets
      .filter((name) => !secrets.stdout.includes(`"${name}"`))
      .map(
        (name): Lacking => ({
          kind: "secret",
          what: `the secret ${name} is not set`,
          command: `npx wrangler secret put ${name}`,
        }),
      ),
  ];
}
