/** One endpoint by the spelling of its model, as the case study's worker takes it (`-e MODEL=SD3.5_Medium`). */
import { type Flavor, IDEOGRAM_IN_FLIGHT, type SimulatedDialect, type SimulatedEndpoint } from "./endpoint.ts";
import { type Family, familyOf } from "./families.ts";

/** What each family's real service reports as its version. The hash of SD3.5 Medium stands for a snapshot's. */
const SERVED: Readonly<Record<Family, string>> = {
  "sd3.5-medium": "sd3.5-medium@b940f670f0ed",
  "sd3.5-medium-fast": "sd3.5-medium-fast@7c1f5a3e9b20",
  "nano-banana": "gemini-2.5-flash-image",
  "nano-banana-pro": "gemini-3-pro-image",
  "ideogram-v2a-turbo": "V_2A_TURBO",
  upscaler: "upscaler@3f8d21c0aa57",
};

/** What the command line may say of one endpoint. */
export interface SingleOptions {
  /** `SD3.5_Medium`, `nano-banana-pro`, `V_2A_TURBO`, … */
  readonly model: string;
  /** Default `generate`. */
  readonly dialect?: SimulatedDialect;
  readonly flavor?: Flavor;
  /** Default 4; for `ideogram` 10, its limit of requests in flight. */
  readonly slots?: number;
  /** Default: no bound; for `ideogram` 0. */
  readonly queueCap?: number;
}

/** The endpoint, or `undefined` when no family has such a name. */
export function singleEndpoint(options: SingleOptions): SimulatedEndpoint | undefined {
  const family = familyOf(options.model);
  if (!family) return undefined;
  const isIdeogram = options.dialect === "ideogram";
  const queueCap = options.queueCap ?? (isIdeogram ? 0 : undefined);
  return {
    id: family,
    model: family,
    dialect: options.dialect ?? "generate",
    ...(options.flavor && { flavor: options.flavor }),
    servedName: SERVED[family],
    pin: SERVED[family],
    slots: options.slots ?? (isIdeogram ? IDEOGRAM_IN_FLIGHT : 4),
    ...(queueCap !== undefined && { queueCap }),
    honourCancel: true,
  };
}
