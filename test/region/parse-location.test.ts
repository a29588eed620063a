import { describe, expect, it } from "vitest";
import { parseClientLocation } from "../../routing/region/parse-location.ts";

describe("parseClientLocation", () => {
  it("reads the platform's fields, whose coordinates are strings", () => {
    const cf = { colo: "FRA", country: "DE", continent: "EU", latitude: "50.11550", longitude: "-8.68417", asn: 1 };
    expect(parseClientLocation(cf)).toEqual({
      colo: "FRA",
      country: "DE",
      continent: "EU",
      latitude: 50.1155,
      longitude: -8.68417,
    });
  });

  it("takes lower case and spaces, as a forced location may have them", () => {
    expect(parseClientLocation({ colo: " fra", country: "de ", latitude: 50, longitude: 8 })).toEqual({
      colo: "FRA",
      country: "DE",
      latitude: 50,
      longitude: 8,
    });
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["text", "FRA"],
    ["an empty object", {}],
    ["fields of other types", { colo: 1, country: ["DE"], continent: {}, latitude: true, longitude: null }],
    ["codes of a wrong form", { colo: "FRANKFURT", country: "DEU", continent: "XX" }],
    ["countries that are no places", { country: "T1" }],
    ["an unknown country", { country: "XX" }],
    ["empty coordinates", { latitude: "", longitude: "" }],
    ["coordinates out of range", { latitude: "90.1", longitude: "0" }],
    ["coordinates with other notations", { latitude: "0x10", longitude: "1e1" }],
    ["one coordinate", { latitude: "50.1" }],
  ])("makes an empty location of %s", (_what, cf) => {
    expect(parseClientLocation(cf)).toEqual({});
  });
});
