/**
 * What the router is compared with, on the same runtime: `/pass`, the JSON untouched, as the floor, and `/naive`,
 * `await response.json()` and the platform's decoder, as it is done everywhere today.
 */

interface GeminiAnswer {
  readonly candidates: readonly [
    { readonly content: { readonly parts: readonly [{ readonly inlineData: { readonly data: string } }] } },
  ];
}

export default {
  async fetch(request: Request, env: { readonly UPSTREAM: string }): Promise<Response> {
    const upstream = await fetch(env.UPSTREAM, { method: "POST", body: "{}" });
    return new URL(request.url).pathname === "/naive" ? naive(upstream) : new Response(upstream.body);
  },
};

async function naive(upstream: Response): Promise<Response> {
  const answer = (await upstream.json()) as GeminiAnswer;
  return new Response(Uint8Array.fromBase64(answer.candidates[0].content.parts[0].inlineData.data));
}
