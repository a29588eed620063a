/** The simulator's surface for the rest of infra and for tests. */
export type { Control, EndpointState, SimulatorState } from "./control.ts";
export { type CatalogSimulation, endpointsFromCatalog, type SimulatedEndpoint } from "./endpoint.ts";
export type { Family } from "./families.ts";
export { FAULTS, type Fault, type FaultKind } from "./faults.ts";
export type { Clock } from "./gpu.ts";
export { createMachine, type Job, type Machine, type MachineSettings } from "./machine.ts";
export { type Simulator, type SimulatorOptions, startSimulator } from "./server.ts";
export { drawServiceMs, meanServiceMs } from "./service-time.ts";
export { singleEndpoint } from "./single.ts";
