/**
 * A picture that comes as a link: the link is followed at once, in a second step, and never shown to anybody.
 *
 * Only to hosts that the endpoint's catalogue entry lists, only by https unless the host is loopback, without the key, and without
 * following redirects: what an upstream writes into its answer must not make the router call where it likes. Fails closed.
 */
import type { Endpoint } from "../config/snapshot.ts";
import type { Reading, Reported, ResponseHead, Settled } from "./dialect.ts";
import { failed, nextStep } from "./settled.ts";
import { badResponse, bodyKind, isSuccess, unreadable } from "./success.ts";

export interface PictureLink {
  readonly url: string | undefined;
  readonly endpoint: Endpoint;
  readonly reported: Reported;
  /** Headers for a link that leads back to the endpoint's own origin (SGLang's relative links need the key). */
  readonly sameOriginHeaders?: Readonly<Record<string, string>>;
}

/** The step that fetches the picture, or the failure of a link that may not be followed. */
export function followPictureLink(link: PictureLink): Settled {
  const url = allowedUrl(link);
  if (url === undefined) {
    return failed(badResponse(link.url === undefined ? "no_picture" : "unexpected_type"));
  }
  const isOwn = url.origin === new URL(link.endpoint.url).origin;
  return nextStep({
    call: {
      method: "GET",
      url: url.href,
      headers: { accept: "image/*", ...(isOwn ? (link.sameOriginHeaders ?? {}) : {}) },
    },
    receive: (head) => receivePicture(head, link.reported),
  });
}

function receivePicture(head: ResponseHead, reported: Reported): Reading {
  if (isSuccess(head)) {
    const kind = bodyKind(head);
    return kind === "picture" ? { read: "picture", reported } : unreadable(kind);
  }
  const { status } = head;
  if (status >= 500) return { read: "nothing", failure: { reason: "upstream_error", status } };
  // An expired, forbidden or redirected link: the picture is not where the upstream said.
  return { read: "nothing", failure: badResponse("no_picture") };
}

/** The link as a URL if it may be followed. Relative links are the endpoint's own. */
function allowedUrl(link: PictureLink): URL | undefined {
  if (link.url === undefined) return undefined;
  const url = URL.parse(link.url, link.endpoint.url);
  if (url === null || url.username !== "" || url.password !== "") return undefined;
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) return undefined;
  const isOwn = url.origin === new URL(link.endpoint.url).origin && link.sameOriginHeaders !== undefined;
  return isOwn || link.endpoint.pictureHosts.some((entry) => coversHost(entry, url)) ? url : undefined;
}

/** `host` and `host:port` are exact; `.host` and `*.host` cover every name below it. */
function coversHost(entry: string, url: URL): boolean {
  const pattern = entry.toLowerCase().replace(/^\*/, "");
  if (pattern.startsWith(".")) return pattern.length > 1 && url.hostname.endsWith(pattern);
  return pattern === url.hostname || pattern === url.host;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
