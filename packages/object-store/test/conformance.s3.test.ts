import { describe, it } from "vitest";
import { describeObjectStore } from "../src/testing.js";
import { s3Profile } from "./support/profiles.js";

describeObjectStore(s3Profile, { describe, it });
