using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>An HTTP service that somebody else runs.</summary>
internal sealed class ServiceRunner(FunctionSetup setup, IFunctionForwarder forwarder, TimeProvider time) : IFunctionRunner
{
    private readonly HttpCall _call = new(setup, forwarder, time);
    private readonly string _address = setup.Settings.UpstreamUrl!.AbsoluteUri.TrimEnd('/');
    private int _replicas;

    public int Available => _replicas;

    public string? RefusalOf(int replicas) => null;

    public void Scale(int replicas) => _replicas = replicas;

    public Task AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct) => _call.AnswerAsync(caller, path, _address, ct);

    public ValueTask DisposeAsync() => default;
}
