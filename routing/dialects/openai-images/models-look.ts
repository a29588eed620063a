/**
 * `GET /v1/models`: the only place where vLLM-Omni and SGLang say what they serve.
 *
 * The served name carries the pin (`--served-model-name sd3.5-medium@<sha12>`), because `--revision` does not reach the SD3 pipeline
 * (providers.md §3a). OpenAI itself lists what it sells, not what it serves: no look there.
 */
import type { Model } from "../../config/snapshot.ts";
import { bearer, upstreamUrl } from "../call.ts";
import type { Call, Target } from "../dialect.ts";
import { listAt, parseJson, textAt } from "../read-json.ts";

/** The call, and the name that stands for the pin; `undefined` for OpenAI. */
export function pinLook(
  target: Target,
  model?: Model,
): { readonly call: Call; settle(status: number, text: string): string | undefined } | undefined {
  if (target.endpoint.flavor === "openai") return undefined;
  const call: Call = {
    method: "GET",
    url: upstreamUrl(target.endpoint.url, "/v1/models"),
    headers: { accept: "application/json", ...bearer(target.key) },
  };
  return {
    call,
    settle: (status, text) => {
      if (status !== 200) return undefined;
      const served = listAt(parseJson(text), "data")
        .map((entry) => textAt(entry, "id"))
        .filter((id) => id !== undefined);
      if (model !== undefined && served.includes(model.pin)) return model.pin;
      // Several names and none of them the pin: the first is as good a witness of drift as any, if we know what to compare it with.
      return served.length === 1 || model !== undefined ? served[0] : undefined;
    },
  };
}
