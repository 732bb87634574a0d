namespace Connectors.Provider.Contracts;

/// <summary>When answers that have no end of their own, such as a followed log, are to end in good order: the gateway stops, and <c>drain_delay</c> is over.</summary>
public sealed record StreamEnd(CancellationToken Token);
