/**
 * One try of a webhook: signed by Standard Webhooks 1.0 (HMAC-SHA256, `v1`), one call, no redirects, 20 s at most.
 *
 * Every secret of the list signs, newest first, so that a receiver may rotate. The answer's body is not read.
 */
import { checkWebhookUrl, type Delivery, type DeliveryTry } from "../../routing/index.ts";

/** The specification's 15–30 s. */
const TIMEOUT_MS = 20_000;

export interface DeliveryOptions {
  /** `whsec_<base64>` each, at least one. */
  readonly secrets: readonly string[];
  readonly loopback: boolean;
  readonly nowMs: number;
}

/** Tries. Never rejects. */
export async function deliverWebhook(
  { id, url, body }: Delivery,
  { secrets, loopback, nowMs }: DeliveryOptions,
): Promise<DeliveryTry> {
  // Looked at again on every try: what was allowed when the job was taken may not be now.
  if (checkWebhookUrl(url, { loopback }) !== undefined)
    return { atMs: nowMs, problem: "refused_address", elapsedMs: 0 };
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = await Promise.all(secrets.map((secret) => sign(secret, `${id}.${timestamp}.${body}`)));
  try {
    const response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        "content-type": "application/json",
        "user-agent": "galley-webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures.join(" "),
      },
      body,
    });
    await response.body?.cancel();
    return { atMs: nowMs, status: response.status, elapsedMs: Date.now() - nowMs };
  } catch (error: unknown) {
    const timedOut = error instanceof Error && error.name === "TimeoutError";
    return { atMs: nowMs, problem: timedOut ? "timed_out" : "unreachable", elapsedMs: Date.now() - nowMs };
  }
}

/** `v1,<base64>`. */
async function sign(secret: string, content: string): Promise<string> {
  const bytes = Uint8Array.fromBase64(secret.replace(/^whsec_/, ""));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(content));
  return `v1,${new Uint8Array(signature).toBase64()}`;
}
