using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Contracts;

/// <summary>Gives a function so many replicas: whether there is such a function, and why not if it cannot have them. <paramref name="ct"/> ends the wait for another change of it.</summary>
public delegate Task<(bool Found, string? Refusal)> ScaleFunction(FunctionName function, ulong replicas, CancellationToken ct);
