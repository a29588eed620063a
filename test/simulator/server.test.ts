import { describe, expect, it } from "vitest";
import { startSimulator } from "../../infra/gpu/simulator/index.ts";
import { anEndpoint, start } from "./start.ts";

describe("the simulator's server", () => {
  it("answers at every address it is given, does without one that the machine lacks, and is gone from all when closed", async () => {
    const hosts = ["127.0.0.1", "127.0.0.2", "192.0.2.1"] as const;
    const simulator = await startSimulator({ port: 0, hosts: [...hosts], endpoints: [anEndpoint()], timeScale: 0.001 });
    const health = (host: string) => fetch(`http://${host}:${simulator.port}/weur-a/health`);
    expect((await health("127.0.0.1")).status).toBe(200);
    expect((await health("127.0.0.2")).status).toBe(200);
    await simulator.close();
    await expect(health("127.0.0.1")).rejects.toThrow();
    await expect(health("127.0.0.2")).rejects.toThrow();
  });

  it("refuses a taken port, two endpoints of one name, and a time that stands still", async () => {
    const { port } = await start();
    const options = { port: 0, endpoints: [anEndpoint()], timeScale: 1 };
    await expect(startSimulator({ ...options, port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(startSimulator({ ...options, endpoints: [anEndpoint(), anEndpoint()] })).rejects.toThrow("same id");
    await expect(startSimulator({ ...options, timeScale: 0 })).rejects.toThrow("timeScale");
  });
});
