namespace NATS.Client.Core;

/// <summary>The servers to try: those given, and those that a cluster told us about.</summary>
internal sealed class ServerPool
{
    private readonly ServerUri[] _seeds;
    private readonly bool _randomize;
    private volatile ServerUri[] _discovered = [];

    public ServerPool(NatsOpts opts)
    {
        _seeds = [.. opts.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(ServerUri.Parse).Distinct()];
        if (_seeds.Length == 0)
            throw new ArgumentException("NatsOpts.Url names no server");
        _randomize = !opts.NoRandomize;
    }

    public IReadOnlyList<ServerUri> Seeds => _seeds;

    /// <summary>Every server once; the one that was just lost comes last.</summary>
    public IReadOnlyList<ServerUri> Round(ServerUri? lost = null)
    {
        var round = _seeds.Union(_discovered).ToArray();
        if (_randomize)
            Random.Shared.Shuffle(round);
        return lost is null ? round : [.. round.OrderBy(server => server == lost)];
    }

    public void Learn(ServerInfo info, bool tls)
    {
        if (info.ClientConnectUrls is { Length: > 0 } urls)
            _discovered = [.. urls.Select(ServerUri.Parse).Select(server => server with { IsTls = tls })];
    }
}
