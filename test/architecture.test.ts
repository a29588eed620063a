import { describe, it } from "vitest";

describe("architecture", () => {
  it.todo("placeholder");
});
