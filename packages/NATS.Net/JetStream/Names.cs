using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace NATS.Client.JetStream;

/// <summary>Names become tokens of API subjects.</summary>
internal static class Names
{
    private static readonly SearchValues<char> Forbidden = SearchValues.Create(" .*>\t\r\n/\\");

    public static void CheckStream([NotNull] string? stream) => Check(stream, nameof(stream), "Stream");

    public static void CheckConsumer([NotNull] string? consumer) => Check(consumer, nameof(consumer), "Consumer");

    private static void Check([NotNull] string? name, string parameter, string kind)
    {
        ArgumentNullException.ThrowIfNull(name, parameter);
        if (name.Length == 0)
            throw new ArgumentException($"{kind} name cannot be empty", parameter);
        if (name.AsSpan().ContainsAny(Forbidden))
            throw new ArgumentException($"{kind} name '{name}' cannot contain white space, '.', '*', '>' or slashes", parameter);
    }
}
