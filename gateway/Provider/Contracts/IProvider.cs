using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Contracts;

/// <summary>Where functions live: behind another server's API, or in this process.</summary>
public interface IProvider
{
    /// <summary>Lets the function answer the caller. <paramref name="ct"/> is the call's time limit and its caller.</summary>
    Task InvokeAsync(HttpContext caller, FunctionPath path, CancellationToken ct);

    /// <summary>What is known of a function, without waiting long.</summary>
    Task<Lookup> FindAsync(FunctionName function, CancellationToken ct);

    /// <summary>Whether there is such a function as far as is known here and now: only then its name may become a metric's label.</summary>
    bool Knows(FunctionName function);

    /// <summary>Every function of every namespace; what cannot be asked throws <see cref="HttpRequestException"/>.</summary>
    Task<IReadOnlyList<FunctionStatus>> ListAsync(CancellationToken ct);

    /// <summary>Adds the routes below <c>/system/</c>, and <c>/healthz</c>.</summary>
    void MapSystem(IEndpointRouteBuilder routes);
}

/// <summary>The answer to "is there such a function".</summary>
/// <param name="Kind">Whether it is known.</param>
/// <param name="Function">The function; null unless found.</param>
public readonly record struct Lookup(LookupKind Kind, FunctionStatus? Function = null)
{
    public static Lookup Missing => new(LookupKind.Missing);

    public static Lookup Unknown => new(LookupKind.Unknown);

    public static Lookup Found(FunctionStatus function) => new(LookupKind.Found, function);
}

/// <summary>How a <see cref="Lookup"/> ended.</summary>
public enum LookupKind
{
    Found,

    /// <summary>The provider said that there is none.</summary>
    Missing,

    /// <summary>The provider could not be asked.</summary>
    Unknown,
}
