using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Which way a call goes: through the gateway, or to its function itself. A name that only the caller wrote would lead the worker to any address that it fits into,
/// so a call goes directly only where somebody has said that there is such a function, and its name is one part of a host name and not several.
/// </summary>
internal sealed class CallRoutes(DispatchOptions options, TimeProvider time, ILogger<CallRoutes> log, HttpMessageHandler? handler = null) : IDisposable
{
    private const string Service = "queue-worker";

    private readonly Invoker _gateway = new(options.Gateway, Service, time, new GatewayLimits(options, handler ?? HttpConnections.Create(), log));
    private readonly Invoker? _functions = options.CallsDirectly ? new Invoker(call => options.AddressOf(call.Function), Service, time, handler) : null;

    /// <summary>What sends a call.</summary>
    public Invoker Of(Envelope envelope) =>
        _functions is { } functions && !envelope.IsUnlisted && IsOnePart(envelope.Function) && IsOnePart(envelope.Namespace) ? functions : _gateway;

    public void Dispose()
    {
        _gateway.Dispose();
        _functions?.Dispose();
    }

    private static bool IsOnePart(string name) => !name.Contains('.', StringComparison.Ordinal);
}
