import { describe, it } from "vitest";
import { describeObjectStore } from "../src/testing.js";
import { fileProfile } from "./support/profiles.js";

describeObjectStore(fileProfile, { describe, it });
