/** What a deploy finds missing, by what wrangler says. */
import { describe, expect, it } from "vitest";
import { findLacking, readTerms } from "../../infra/cli/deploy-needs.ts";
import { aSnapshot } from "../support/snapshot.ts";

const TOML = `
[[kv_namespaces]]
binding = "CONFIG"
id = "galley-config"

[[r2_buckets]]
binding = "IMAGES"
bucket_name = "galley-images"
`;

const snapshot = aSnapshot({
  endpoints: {
    "weur-sd35-medium": { secret: "SD_KEY", url: "https://gpu.real-host.net" },
    "enam-sd35-medium": { secret: "NEVER_KEY", url: "https://gpu.example" },
  },
});

const terms = readTerms(TOML, snapshot);

/** wrangler as it answers somebody who is logged in. */
const run = (says: Readonly<Record<string, string>>) => async (args: readonly string[]) => {
  const stdout = says[args[0] ?? ""] ?? "";
  return { exitCode: 0, output: stdout, stdout };
};

describe("what a deploy needs", () => {
  it("is read from wrangler.toml and the catalogue; placeholders need no key", () => {
    expect(terms).toEqual({
      namelessNamespaces: ["CONFIG"],
      buckets: ["galley-images"],
      secrets: ["GALLEY_LINK_KEY", "SD_KEY"],
    });
    const named = TOML.replace("galley-config", "0123456789abcdef0123456789abcdef");
    expect(readTerms(named, snapshot).namelessNamespaces).toEqual([]);
  });

  it("is a login before everything else", async () => {
    const lacking = await findLacking(
      terms,
      run({ whoami: "You are not authenticated. Please run `wrangler login`." }),
    );
    expect(lacking.map(({ kind }) => kind)).toEqual(["login", "namespace"]);
  });

  it("names what is missing with the command that makes it", async () => {
    const lacking = await findLacking(terms, run({ whoami: "ada", r2: "", secret: '[{"name":"SD_KEY"}]' }));
    expect(lacking.map(({ command }) => command)).toEqual([
      "npx wrangler kv namespace create CONFIG   # and put its id into wrangler.toml",
      "npx wrangler r2 bucket create galley-images",
      "npx wrangler secret put GALLEY_LINK_KEY",
    ]);
  });

  it("is nothing when all is there", async () => {
    const says = { whoami: "ada", r2: "name:           galley-images\n", secret: '["GALLEY_LINK_KEY", "SD_KEY"]' };
    expect(await findLacking({ ...terms, namelessNamespaces: [] }, run(says))).toEqual([]);
  });
});
