import { createHash, createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../../support/stack.ts";

const KEY = "test-key";
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    variables: { GALLEY_LINK_KEY: KEY },
    edit: ({ routing, catalog }) => ({
      routing: routing.replace("  draft:\n", "  draft:\n    head: 16KiB\n"),
      catalog,
    }),
  });
});
afterAll(() => stack.stop());

const linkOf = async (body: object): Promise<URL> => {
  const ask = { prompt: "a fox", size: "256x256", response_format: "url", ...body };
  const answer = (await (await stack.post("/v1/images/generations", ask)).json()) as { data: { url: string }[] };
  return new URL(answer.data[0]?.url ?? "");
};

/** A link as the router signs it. */
function signed(id: string, expiresAtS: number): string {
  const signature = createHmac("sha256", KEY).update(`${id}\n${expiresAtS}`).digest("base64url");
  return `${stack.router.url}/v1/images/${id}?exp=${expiresAtS}&sig=${signature}`;
}

const NOW_S = () => Math.floor(Date.now() / 1000);

describe("a link to a picture", () => {
  it.each([
    ["that was whole", { model: "preview", size: "256x256" }],
    ["that streamed", { model: "draft-art", size: "1024x1024" }],
    ["that was uploaded in several parts", { model: "Nano Banana PRO", size: "2560x2560" }],
  ])("opens one %s, named by the hash of its bytes, and may be kept until it expires", async (_, body) => {
    const link = await linkOf(body);
    const opened = await fetch(link);
    expect(opened.status).toBe(200);
    const bytes = Buffer.from(await opened.arrayBuffer());
    const hash = createHash("sha256").update(bytes).digest("hex");
    expect(link.pathname).toBe(`/v1/images/${hash}`);
    if (body.size === "2560x2560") expect(bytes.length).toBeGreaterThan(5 * 1024 * 1024);
    expect(Object.fromEntries(opened.headers)).toMatchObject({
      "content-type": "image/png",
      "content-length": String(bytes.length),
      etag: `"${hash}"`,
      "cache-control": expect.stringMatching(/^private, max-age=3[56]\d\d$/),
      "x-content-type-options": "nosniff",
    });
    const again = await fetch(link, { headers: { "if-none-match": `"${hash}"` } });
    expect(again.status).toBe(304);
  });

  it("is the same for equal pictures but for its time", async () => {
    const [one, other] = [await linkOf({ model: "preview", seed: 3 }), await linkOf({ model: "preview", seed: 3 })];
    expect(one.pathname).toBe(other.pathname);
  });

  it("opens for an hour, which its signature covers", async () => {
    const link = await linkOf({ model: "preview" });
    const expiresAtS = Number(link.searchParams.get("exp"));
    expect(expiresAtS - NOW_S()).toBeGreaterThan(3_500);
    expect(expiresAtS - NOW_S()).toBeLessThanOrEqual(3_600);
    const id = link.pathname.split("/").at(-1) ?? "";
    expect(link.href).toBe(signed(id, expiresAtS));
    link.searchParams.set("exp", String(expiresAtS + 1));
    expect((await fetch(link)).status).toBe(404);
  });

  it.each<[string, (id: string) => string]>([
    ["has expired", (id) => signed(id, NOW_S() - 1)],
    ["is not signed", (id) => `${stack.router.url}/v1/images/${id}`],
    ["is signed with another key", (id) => signed(id, NOW_S() + 60).replace(/sig=.*/, `sig=${"A".repeat(43)}`)],
    ["has a signature that is no base64", (id) => signed(id, NOW_S() + 60).replace(/sig=.*/, "sig=%00")],
    ["names no picture", () => signed("0".repeat(64), NOW_S() + 60)],
    ["names something else", () => signed("abc", NOW_S() + 60)],
  ])("does not open when it %s", async (_, change) => {
    const link = await linkOf({ model: "preview" });
    const response = await fetch(change(link.pathname.split("/").at(-1) ?? ""));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "not_found" } });
  });
});
