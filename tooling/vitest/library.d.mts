import type { ViteUserConfig } from "vitest/config";
export declare const tests: (more?: NonNullable<ViteUserConfig["test"]>) => ViteUserConfig;
