/**
 * Where a webhook may go: https to public hosts only, so that nobody makes the router call what only the router can reach.
 *
 * Pure: judges the address as written. Names that resolve to private addresses are not seen here; on the deployed network an outgoing
 * fetch cannot reach private networks. Fails closed: what cannot be parsed is refused.
 */

/** Names that never mean a public host (RFC 6761, RFC 8375, and what clouds and orchestrators use inside). */
const INNER_NAMES =
  /(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|private|test|example|invalid|onion|home\.arpa|svc)$/;

/** Longest URL taken, characters. */
const MAX_URL_CHARS = 2_000;

/** Says why a URL may not be called; `undefined` when it may. `loopback`: plain http to this machine is allowed (local development). */
export function checkWebhookUrl(text: string, { loopback }: { readonly loopback: boolean }): string | undefined {
  const url = text.length > MAX_URL_CHARS ? null : URL.parse(text);
  if (url === null) return "is not a URL";
  if (url.username !== "" || url.password !== "") return "carries a user or password";
  if (url.hash !== "") return "carries a fragment";
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  if (loopback && (url.protocol === "http:" || url.protocol === "https:") && isLoopback(host)) return undefined;
  if (url.protocol !== "https:") return "is not https";
  if (host.startsWith("[")) return isPublicV6(host.slice(1, -1)) ? undefined : "is not a public address";
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return isPublicV4(host) ? undefined : "is not a public address";
  if (!host.includes(".") || INNER_NAMES.test(host)) return "is not a public name";
  return undefined;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Blocks that are not for the public internet: [first address, prefix bits] (IANA special-purpose registry, RFC 6890 and later). */
const INNER_V4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;

function isPublicV4(address: string): boolean {
  const value = toNumber(address);
  return !INNER_V4.some(([block, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(value / size) === Math.floor(toNumber(block) / size);
  });
}

const toNumber = (address: string): number => address.split(".").reduce((value, part) => value * 256 + Number(part), 0);

/** Only global unicast (2000::/3), less documentation, tunnels and translations that carry an IPv4 address of their own. */
function isPublicV6(address: string): boolean {
  const [head = ""] = address.split(":");
  const first = Number.parseInt(head === "" ? "0" : head, 16);
  if (first < 0x2000 || first > 0x3fff) return false;
  if (first === 0x2002) return false;
  const second = Number.parseInt(address.split(":")[1] || "0", 16);
  return !(first === 0x2001 && (second < 0x200 || second === 0xdb8));
}
