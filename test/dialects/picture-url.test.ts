import { describe, expect, it } from "vitest";
import { followPictureLink } from "../../routing/dialects/picture-url.ts";
import { failed } from "../../routing/dialects/settled.ts";
import { anEndpoint } from "../support/snapshot-parts.ts";
import { play } from "./driver.ts";

const hosts = ["cdn.example.com", ".images.example.net", "127.0.0.1:9100"];

function follow(url: string | undefined, own = false) {
  const endpoint = anEndpoint({ id: "e", url: "https://api.example.com/base", pictureHosts: hosts });
  const settled = followPictureLink({
    url,
    endpoint,
    reported: { seed: 7 },
    ...(own ? { sameOriginHeaders: { authorization: "Bearer key" } } : {}),
  });
  return settled;
}

describe("a picture link", () => {
  it.each([
    "https://cdn.example.com/a.png?exp=1&sig=2",
    "https://CDN.example.com/a.png",
    "https://eu.images.example.net/a.png",
    "http://127.0.0.1:9100/a.png",
  ])("is followed to a listed host: %s", (url) => {
    const settled = follow(url);
    expect(settled.then).toBe("step");
    if (settled.then !== "step") return;
    expect(settled.step.call).toEqual({ method: "GET", url: new URL(url).href, headers: { accept: "image/*" } });
  });

  it.each([
    ["another host", "https://example.com/a.png"],
    ["a host that ends alike", "https://evilcdn.example.com/a.png"],
    ["a listed host's name in front", "https://cdn.example.com.evil.test/a.png"],
    ["the bare domain of a suffix entry", "https://images.example.net/a.png"],
    ["a suffix without its dot", "https://evilimages.example.net/a.png"],
    ["no TLS", "http://cdn.example.com/a.png"],
    ["another loopback port", "http://127.0.0.1:9101/a.png"],
    ["a listed suffix's name in front", "https://eu.images.example.net.evil.test/a.png"],
    ["a user name", "https://user@cdn.example.com/a.png"],
    ["a password", "https://:pw@cdn.example.com/a.png"],
    ["a name behind the @", "https://cdn.example.com@evil.test/a.png"],
    ["another scheme", "file:///etc/passwd"],
    ["data", "data:image/png;base64,AAAA"],
    ["no URL at all", "http://"],
    ["a relative link without the endpoint's leave", "/v1/images/1/content"],
  ])("is not followed: %s", (_what, url) => {
    expect(follow(url)).toEqual(failed({ reason: "bad_response", defect: "unexpected_type" }));
  });

  it("is missed when there is none", () => {
    expect(follow(undefined)).toEqual(failed({ reason: "bad_response", defect: "no_picture" }));
  });

  it("may lead back to the endpoint itself, with the key, where the server delivers so", () => {
    const settled = follow("/v1/images/1/content", true);
    if (settled.then !== "step") throw new Error("not followed");
    expect(settled.step.call.url).toBe("https://api.example.com/v1/images/1/content");
    expect(settled.step.call.headers.authorization).toBe("Bearer key");
    const elsewhere = follow("https://cdn.example.com/a.png", true);
    if (elsewhere.then !== "step") throw new Error("not followed");
    expect(elsewhere.step.call.headers.authorization).toBeUndefined();
  });

  it.each([
    [200, "image/png", { came: "picture", reported: { seed: 7 } }],
    [200, "text/html", { came: "failure", failure: { reason: "bad_response", defect: "html" } }],
    [302, "text/html", { came: "failure", failure: { reason: "bad_response", defect: "no_picture" } }],
    [403, "text/xml", { came: "failure", failure: { reason: "bad_response", defect: "no_picture" } }],
    [404, "text/xml", { came: "failure", failure: { reason: "bad_response", defect: "no_picture" } }],
    [502, "text/html", { came: "failure", failure: { reason: "upstream_error", status: 502 } }],
  ])("that answers %i %s is taken for what it is", (status, type, outcome) => {
    const settled = follow("https://cdn.example.com/a.png");
    if (settled.then !== "step") throw new Error("not followed");
    expect(play(settled.step, { status, headers: { "content-type": type }, body: "x" })).toEqual(outcome);
  });
});
