namespace Cronos;

/// <summary>An expression that is not one; the message names the field.</summary>
public class CronFormatException(string message) : FormatException(message);
