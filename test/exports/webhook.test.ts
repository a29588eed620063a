/** Where webhooks may go, when they are tried again, and the headers that steer a submission. */
import { describe, expect, it } from "vitest";
import { parseRange } from "../../functions/router/exports/byte-range.ts";
import { parseIdempotencyKey, parsePreferWait } from "../../functions/router/exports/request-headers.ts";
import { checkWebhookUrl, openDelivery, recordTry, redeliver } from "../../routing/exports/index.ts";

describe("a webhook's address", () => {
  it.each([
    "https://hooks.example.com/x?y=1",
    "https://8.8.8.8/x",
    "https://[2606:4700::1111]:8443/x",
    "https://sub.domain.co.uk",
  ])("may be %s", (url) => {
    expect(checkWebhookUrl(url, { loopback: false })).toBeUndefined();
  });

  it.each([
    "http://hooks.example.com/x",
    "ftp://hooks.example.com/x",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com/#x",
    "https://localhost/x",
    "https://intranet/x",
    "https://db.internal/x",
    "https://printer.local./x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://0x7f.1/x",
    "https://017700000001/x",
    "https://10.1.2.3/x",
    "https://100.64.0.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://172.31.255.255/x",
    "https://192.168.0.1/x",
    "https://224.0.0.1/x",
    "https://255.255.255.255/x",
    "https://[::1]/x",
    "https://[::]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://[fd00::1]/x",
    "https://[fe80::1]/x",
    "https://[2002:a00:1::]/x",
    "https://[2001:db8::1]/x",
    "https://[64:ff9b::a00:1]/x",
    "not a url",
    `https://hooks.example.com/${"x".repeat(2_000)}`,
  ])("may not be %s", (url) => {
    expect(checkWebhookUrl(url, { loopback: false })).toEqual(expect.any(String));
  });

  it("may be this machine in local development, and nothing else without https", () => {
    expect(checkWebhookUrl("http://127.0.0.1:9000/x", { loopback: true })).toBeUndefined();
    expect(checkWebhookUrl("http://10.0.0.1/x", { loopback: true })).toBe("is not https");
  });
});

describe("a delivery", () => {
  const open = openDelivery({ id: "msg_1", url: "https://h.example.com", body: "{}" }, 1_000);
  const tryAt = (atMs: number, status: number) => ({ atMs, status, elapsedMs: 0 });

  it("is tried by the schedule of the specification, then given up", () => {
    let delivery = open;
    const waits: number[] = [];
    while (delivery.state === "due") {
      const { dueAtMs } = delivery;
      delivery = recordTry(delivery, tryAt(dueAtMs, 500), 0);
      if (delivery.state === "due") waits.push((delivery.dueAtMs - dueAtMs) / 1_000);
    }
    expect([waits, delivery.state]).toEqual([
      [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
      "given-up",
    ]);
    const again = recordTry(redeliver(delivery, 5), tryAt(5, 500), 0);
    expect([again.id, again.state, again.dueAtMs]).toEqual(["msg_1", "due", 5_005]);
  });

  it("ends with any 2xx, and with 410 for good", () => {
    expect(recordTry(open, tryAt(1, 204), 0).state).toBe("delivered");
    expect(recordTry(open, tryAt(1, 410), 0).state).toBe("given-up");
    expect(recordTry(open, tryAt(1, 302), 0).state).toBe("due");
  });
});

describe("the headers of a submission", () => {
  it("take a key quoted or not, and no other", () => {
    const parse = (header: string | null) => {
      const parsed = parseIdempotencyKey(header);
      return parsed.ok ? parsed.value : "refused";
    };
    expect([null, '"a b"', "a-b", '"a\\"b"', '""', "", 'a"b', '"é"', `"${"x".repeat(256)}"`].map(parse)).toEqual([
      ...[undefined, "a b", "a-b", 'a"b'],
      ...["refused", "refused", "refused", "refused", "refused"],
    ]);
  });

  it("take a wait of up to a minute", () => {
    const headers = [null, "wait=8", "respond-async, wait=8", 'wait="5"; x=1', "wait=9000", "wait=-1", "waiting=3"];
    expect(headers.map(parsePreferWait)).toEqual([undefined, 8, 8, 5, 60, undefined, undefined]);
  });
});

describe("a range of bytes", () => {
  it.each([
    ["bytes=0-0", { offset: 0, length: 1 }],
    ["bytes=10-", { offset: 10, length: 90 }],
    ["bytes=10-1000", { offset: 10, length: 90 }],
    ["bytes=-5", { offset: 95, length: 5 }],
    ["bytes=-500", { offset: 0, length: 100 }],
    ["bytes=100-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=9-5", undefined],
    ["bytes=0-1,5-6", undefined],
    ["bytes=-", undefined],
    ["items=0-1", undefined],
    [null, undefined],
  ] as const)("%s of 100 bytes is %j", (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });
});
