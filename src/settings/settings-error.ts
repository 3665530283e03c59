/** A settings file that can't be used. The message begins with the file and, where there is one, the line. */
export class SettingsError extends Error {
  override name = "SettingsError";
}
