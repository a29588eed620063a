import { expect, it } from "vitest";
import { listAt, numberAt, parseJson, textAt, valueAt } from "../../routing/dialects/read-json.ts";

it("looks at own members only, and through nothing that is not there", () => {
  const document = parseJson(
    '{"a": [{"b": "text", "n": 3, "empty": ""}], "nil": null, "__proto__": {"c": "inherited"}}',
  );
  expect(textAt(document, "a", 0, "b")).toBe("text");
  expect(numberAt(document, "a", 0, "n")).toBe(3);
  expect(listAt(document, "a")).toHaveLength(1);
  expect(textAt(document, "a", 0, "empty")).toBeUndefined();
  expect(valueAt(document, "constructor")).toBeUndefined();
  expect(valueAt("text", "length")).toBeUndefined();
  expect(valueAt(document, "nil", "x")).toBeUndefined();
  expect(listAt(document, "nil")).toEqual([]);
  expect(parseJson("{")).toBeUndefined();
});
