/**
 * What happens while a streamed call renders, under OpenAI's names: `image_generation.partial_image` (a draft), `….completed`, `error`,
 * and `[DONE]` when all went well. Members that its types promise are there: token counts are zero where the upstream told none by then;
 * the cost stands under `galley`.
 */
import { factMembers } from "../answer.ts";
import { objectWith } from "../picture-json.ts";
import type { RequestContext } from "../request-context.ts";
import type { ServerEvent } from "../streaming/event-stream.ts";
import { drawnTogether, type Progress } from "../streaming/progress.ts";
import type { CallKind } from "./call.ts";
import { toOpenAiError } from "./error.ts";
import { type Usage, usageOf } from "./usage.ts";

const PREFIX: Readonly<Record<CallKind, string>> = { generation: "image_generation", edit: "image_edit" };

const NO_TOKENS: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  input_tokens_details: { image_tokens: 0, text_tokens: 0 },
};

/** The events that tell it. */
export function toOpenAiEvents(progress: Progress, kind: CallKind, context: RequestContext): readonly ServerEvent[] {
  switch (progress.happened) {
    case "preview":
      return [pictureEvent(`${PREFIX[kind]}.partial_image`, { partial_image_index: 0 }, progress, context)];
    case "picture":
      return [
        pictureEvent(
          `${PREFIX[kind]}.completed`,
          { usage: usageOf([progress.result]) ?? NO_TOKENS },
          progress,
          context,
        ),
      ];
    case "failed":
      return [{ name: "error", data: [JSON.stringify(toOpenAiError(progress.failure))] }];
    case "done":
      return [{ data: ["[DONE]"] }];
  }
}

function pictureEvent(
  type: string,
  own: Readonly<Record<string, unknown>>,
  progress: Extract<Progress, { happened: "preview" | "picture" }>,
  context: RequestContext,
): ServerEvent {
  const { picture } = progress.result;
  const facts = {
    type,
    created_at: Math.floor(context.startedAtMs / 1000),
    size: `${picture.width}x${picture.height}`,
    quality: "auto",
    background: "auto",
    output_format: picture.format,
    ...own,
    index: progress.index,
    galley: factMembers(drawnTogether(progress), context),
  };
  return { name: type, data: objectWith(facts, { name: "b64_json", picture }) };
}
