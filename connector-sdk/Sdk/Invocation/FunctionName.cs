using System.Buffers;

namespace Connectors.Sdk.Invocation;

/// <summary>A function's name and namespace. Prints as <c>name.namespace</c>, which is also its metric label.</summary>
public readonly record struct FunctionName(string Name, string Namespace)
{
    /// <summary>
    /// Most characters of either part in a queue, where both are part of a subject: a server cuts connections over subjects that are too long. More than Kubernetes
    /// and file systems take.
    /// </summary>
    public const int MaxQueuedLength = 200;

    /// <summary>Splits at the last dot; without one the namespace is <paramref name="defaultNamespace"/>.</summary>
    public static FunctionName Parse(string text, string defaultNamespace)
    {
        var dot = text.LastIndexOf('.');
        return dot < 0 ? new FunctionName(text, defaultNamespace) : new FunctionName(text[..dot], text[(dot + 1)..]);
    }

    /// <summary>Whether both parts are of the characters that routes accept: <c>-a-zA-Z_0-9.</c>, at least one each.</summary>
    public bool IsValid => IsPart(Name) && IsPart(Namespace);

    /// <summary>Whether a queue takes calls of it: neither part is longer than <see cref="MaxQueuedLength"/>.</summary>
    public bool IsShort => Name.Length <= MaxQueuedLength && Namespace.Length <= MaxQueuedLength;

    /// <inheritdoc/>
    public override string ToString() => Namespace.Length == 0 ? Name : $"{Name}.{Namespace}";

    private static readonly SearchValues<char> Letters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private static bool IsPart(string part) => part.Length > 0 && !part.AsSpan().ContainsAnyExcept(Letters);
}
