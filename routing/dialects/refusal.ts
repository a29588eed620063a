/**
 * Why a provider refused a prompt or a picture, in words of our own.
 *
 * A closed list: providers put the prompt, or parts of it, into their free text, and nothing of that may reach a header, a log or a
 * metric. A category that is not known here is `unspecified`.
 */
import type { AttemptFailure } from "../failure/index.ts";

/** `detail` of `refused_content`. `prompt` and `picture` say which of the two was refused where no category is given. */
export type RefusalWord =
  | "prompt"
  | "picture"
  | "sexual"
  | "minors"
  | "violence"
  | "hate"
  | "harassment"
  | "self_harm"
  | "dangerous"
  | "prohibited"
  | "blocklist"
  | "copyright"
  | "personal_data"
  | "jailbreak"
  | "unspecified";

/** Providers' category names, lower case, letters only: OpenAI moderation categories; Gemini block, finish and harm names. */
const WORD_OF_CATEGORY: Readonly<Record<string, RefusalWord>> = {
  sexual: "sexual",
  sexualminors: "minors",
  minors: "minors",
  violence: "violence",
  violencegraphic: "violence",
  hate: "hate",
  hatethreatening: "hate",
  harassment: "harassment",
  harassmentthreatening: "harassment",
  selfharm: "self_harm",
  selfharmintent: "self_harm",
  selfharminstructions: "self_harm",
  illicit: "dangerous",
  illicitviolent: "dangerous",
  copyright: "copyright",
  harmcategoryharassment: "harassment",
  harmcategoryhatespeech: "hate",
  harmcategorysexuallyexplicit: "sexual",
  harmcategorydangerouscontent: "dangerous",
  harmcategorycivicintegrity: "prohibited",
  harmcategoryimageharassment: "harassment",
  harmcategoryimagehate: "hate",
  harmcategoryimagesexuallyexplicit: "sexual",
  harmcategoryimagedangerouscontent: "dangerous",
  safety: "prompt",
  blocklist: "blocklist",
  prohibitedcontent: "prohibited",
  spii: "personal_data",
  recitation: "copyright",
  jailbreak: "jailbreak",
  modelarmor: "prohibited",
  imagesafety: "picture",
  imageprohibitedcontent: "prohibited",
  imagerecitation: "copyright",
};

/** Our word for a provider's category; `undefined` when it is not known. */
export function refusalWord(category: string): RefusalWord | undefined {
  const folded = category.toLowerCase().replace(/[^a-z]/g, "");
  return Object.hasOwn(WORD_OF_CATEGORY, folded) ? WORD_OF_CATEGORY[folded] : undefined;
}

/** The failure for refused content. */
export function refused(detail: RefusalWord): AttemptFailure {
  return { reason: "refused_content", detail };
}
