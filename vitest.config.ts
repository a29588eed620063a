import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Machines have two cores: more workers only make the workerd tests wait for each other.
    maxWorkers: 2,
  },
});
