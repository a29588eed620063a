import { describe, expect, it } from "vitest";
import { openAiErrorResponse, toOpenAiError } from "../../../functions/router/openai/error.ts";
import { REQUEST_FAILURES, type RequestFailure, type RequestFailureCode } from "../../../routing/index.ts";

const respond = (failure: RequestFailure) => openAiErrorResponse(failure, { requestId: "r" });

describe("a failure in OpenAI's shape", () => {
  it.each(Object.keys(REQUEST_FAILURES) as RequestFailureCode[])("has all four members for %s", async (code) => {
    const response = respond({ code, detail: "What to do." });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-request-id")).toBe("r");
    expect(await response.json()).toEqual({
      error: { message: "What to do.", type: expect.any(String), param: null, code: expect.any(String) },
    });
    expect(response.headers.get("x-should-retry")).toBe(REQUEST_FAILURES[code].retryable ? null : "false");
  });

  it("is a 400 moderation_blocked that names the category, where something was refused", () => {
    const cause = { reason: "refused_content", detail: "violence" } as const;
    const blocked: RequestFailure = { code: "moderation_blocked", detail: "Change it.", cause };
    expect(respond(blocked).status).toBe(400);
    expect(toOpenAiError(blocked).error).toEqual({
      message: "Change it. safety_violations=[violence]",
      type: "image_generation_user_error",
      param: null,
      code: "moderation_blocked",
    });
  });

  it("passes on no words of a provider that are more than a category", () => {
    const cause = { reason: "refused_content", detail: "see https://example.test" } as const;
    expect(toOpenAiError({ code: "moderation_blocked", detail: "Change it.", cause }).error).toMatchObject({
      message: "Change it.",
    });
  });

  it("is a 404 for a model that nothing knows", () => {
    const failure: RequestFailure = { code: "model_unknown", detail: "None.", path: "/model" };
    expect(respond(failure).status).toBe(404);
    expect(toOpenAiError(failure).error).toMatchObject({ code: "model_not_found", param: "model" });
  });

  it.each([
    ["/width", "size"],
    ["/format", "output_format"],
    ["/text/0/content", "text.0.content"],
    ["", null],
  ])("calls %s by its name here", (path, param) => {
    expect(toOpenAiError({ code: "invalid_request", detail: "x", path }).error).toMatchObject({ param });
  });

  it.each([
    [1, "1"],
    [4_200, "5"],
    [30_000, "30"],
    [3_600_000, "30"],
  ])("asks a client to wait for %d ms, but never for more than half a minute", (retryAfterMs, seconds) => {
    const response = respond({ code: "no_capacity", detail: "Full.", retryAfterMs });
    expect(response.headers.get("retry-after")).toBe(seconds);
  });
});
