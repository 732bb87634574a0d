using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>An HTTP service that somebody else runs.</summary>
internal sealed class ServiceRunner(FunctionSetup setup, HttpCall call) : IFunctionRunner
{
    private readonly string _address = setup.Settings.UpstreamUrl!.AbsoluteUri.TrimEnd('/');
    private int _replicas;

    public int Available => _replicas;

    public string? RefusalOf(int replicas) => null;

    public bool IsAlone => false;

    public Task Scale(int replicas, Task after)
    {
        _replicas = replicas;
        return Task.CompletedTask;
    }

    public Task<bool> AnswerAsync(HttpContext caller, FunctionPath path, CancellationToken ct) => call.AnswerAsync(caller, path, _address, ct);

    public Task RetireAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync() => default;
}
