/** Parameters by their camelCase name. */
export type Parameters = ReadonlyMap<string, string>;

/** Those that an `s3:` URL hands to the store. */
export const S3_PARAMETERS: readonly string[] = ["endpoint", "region", "forcePathStyle", "bareEtags"];

/** The camelCase form of a parameter that may be written in snake_case or kebab-case too. */
export function parameterName(name: string): string {
  return name.replace(/[-_]+([a-zA-Z0-9])/g, (_, first: string) => first.toUpperCase());
}
