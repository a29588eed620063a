/**
 * W3C trace context: the caller's trace id with a span of ours, or a new trace where the header is absent or not valid.
 * Source: w3c/trace-context, version 00: `00-<32 hex>-<16 hex>-<2 hex>`, all-zero ids are invalid.
 */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ZERO_TRACE = "0".repeat(32);
const ZERO_SPAN = "0".repeat(16);

/** The header to send upstream. `randomHex(n)` gives n hex digits. */
export function childTraceparent(incoming: string | null, randomHex: (digits: number) => string): string {
  const [, trace, parent, flags] = incoming === null ? [] : (TRACEPARENT.exec(incoming) ?? []);
  const isValid = trace !== undefined && trace !== ZERO_TRACE && parent !== ZERO_SPAN;
  return `00-${isValid ? trace : randomHex(32)}-${randomHex(16)}-${isValid ? flags : "00"}`;
}

/** Random hex digits; `digits` is even. */
export function randomHex(digits: number): string {
  return crypto.getRandomValues(new Uint8Array(digits / 2)).toHex();
}
