using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Migration;

/// <summary>A values file of one of OpenFaaS's charts on its way to ours: each of its keys judged, and the files that come of it.</summary>
internal sealed class Move
{
    // What the openfaas chart calls the service of its provider, and its queue.
    private const string ProviderOfPro = "http://gateway-provider.openfaas:8081/";
    private const string DefaultQueue = "faas-request";
    private const string DefaultNamespace = "openfaas";

    // Where our charts look for NATS, and where OpenFaaS's has it.
    private const string DefaultNats = "nats.openfaas";

    private readonly YamlMappingNode _values;
    private readonly List<Judged> _judged = [];

    private Move(YamlMappingNode values) => _values = values;

    /// <summary>Every key of the file, then what was added and what is to be done.</summary>
    public IReadOnlyList<Judged> Keys => _judged;

    /// <summary>The values of each of our charts that is to be installed.</summary>
    public SortedDictionary<string, YamlMappingNode> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>The chart that knows the most of these values; null if none does, or several as many.</summary>
    public static string? ChartOf(YamlMappingNode values)
    {
        var known = OpenFaasCharts.Rules
            .Select(chart => (Chart: chart.Key, Count: YamlPath.Leaves(values).Count(path => chart.Value.Any(rule => path.Under(rule.Key) > 0))))
            .OrderByDescending(chart => chart.Count).ToList();
        return known[0].Count > known[1].Count ? known[0].Chart : null;
    }

    /// <param name="chart">Whose values they are.</param>
    /// <param name="values">What was given to it.</param>
    /// <param name="provider">Where functions are deployed, for the chart of the core parts; null for where its Pro edition puts it.</param>
    /// <param name="ns">The namespace that our charts will be installed in.</param>
    public static Move Of(string chart, YamlMappingNode values, string? provider, string ns)
    {
        var move = new Move(values);
        foreach (var name in chart == OpenFaasCharts.OpenFaas ? [OpenFaasCharts.Gateway, OpenFaasCharts.Worker] : new[] { chart })
        {
            move.Files[name] = [];
        }

        // The Pro edition's settings of the worker stand behind the others, and win.
        foreach (var path in YamlPath.Leaves(values).OrderBy(path => path.ToString(), StringComparer.Ordinal))
        {
            move.Take(path, OpenFaasCharts.Rules[chart], chart);
        }

        move.AddDefaults(chart, provider, ns);
        return move;
    }

    private void Take(YamlPath path, IReadOnlyList<Rule> rules, string chart)
    {
        // Of two as long the first knows better.
        var rule = rules.Where(rule => path.Under(rule.Key) is > 0 and var depth && (!rule.IsAlone || depth == path.Names.Count)).MaxBy(rule => path.Under(rule.Key));
        if (rule is null)
        {
            Judge(Fate.NotPossible, $"the chart {chart} has no such value, or has it since this command was made");
        }
        else if (path.IsNothing)
        {
            Judge(Fate.NotNeeded, "nothing is set");
        }
        else if (rule.IsPro is { } isPro && isPro != IsOn("openfaasPro"))
        {
            Judge(Fate.NotNeeded, "a part of the other edition");
        }
        else if (!IsOn(rule.Switch, rule.IsOnByDefault) || (rule.Fate == Fate.NotPossible && path.IsOff))
        {
            Judge(Fate.NotNeeded, "it is off");
        }
        else if ((rule.Refuses(path.Text) ?? rule.LeadsElsewhere(path.Value)) is { } reason)
        {
            Judge(Fate.NotPossible, reason);
        }
        else if (rule.Spares(path.Text) is { } why)
        {
            Judge(Fate.NotNeeded, why);
        }
        else
        {
            var to = rule.To.Select(target => target with { Names = [.. target.Names, .. path.Names.Skip(path.Under(rule.Key))] }).ToList();
            var relabelled = rule.Relabels(path.Value);
            to.ForEach(target => YamlPath.Set(Files[target.Chart], target.Names, path.Value));
            Judge(relabelled is { IsRenamed: true } ? Fate.Renamed : rule.Fate, relabelled?.Note ?? rule.Note, to);
        }

        void Judge(Fate fate, string note, IReadOnlyList<Target>? to = null) => _judged.Add(new Judged(path.ToString(), fate, to ?? [], note));
    }

    private void AddDefaults(string chart, string? provider, string ns)
    {
        var gateway = $"http://gateway.{ns}";
        switch (chart)
        {
            case OpenFaasCharts.OpenFaas:
                Add(OpenFaasCharts.Gateway, "functionsProviderUrl", provider ?? ProviderOfPro, provider is null ? "the service of the provider in the Pro edition; make one for the Community Edition, or name yours with --provider" : "functions stay there");
                if (IsOn("async", byDefault: true))
                {
                    Add(OpenFaasCharts.Worker, "queueName", DefaultQueue, "the chart's default");
                    if (IsOn("openfaasPro"))
                    {
                        Add(OpenFaasCharts.Worker, "maxInflight", "50", "the chart's default");
                    }
                }
                else
                {
                    Files.Remove(OpenFaasCharts.Worker);
                }

                TellOfStreams("nats.external and nats.auth; queue-worker: nats.host and nats.auth", "nats.channel; queue-worker: queueName");
                TellWhoScaled();
                break;
            case OpenFaasCharts.Worker:
                TellOfStreams("nats.host and nats.auth; the same at the gateway", "queueName");
                break;
            case OpenFaasCharts.Cron or OpenFaasCharts.Kafka or OpenFaasCharts.Sqs or OpenFaasCharts.RabbitMq when ns != DefaultNamespace:
                Add(chart, "gatewayURL", $"{gateway}:8080", "the gateway in the new namespace");
                break;
        }

        if (ns != DefaultNamespace && Files.ContainsKey(OpenFaasCharts.Worker))
        {
            Add(OpenFaasCharts.Worker, "gateway.host", gateway, "the gateway in the new namespace");
        }
    }

    // What they were given, or our default, is the server that OpenFaaS uses.
    private void TellOfStreams(string server, string queue)
    {
        if (Files.TryGetValue(OpenFaasCharts.Worker, out var worker))
        {
            var nats = (YamlPath.At(worker, "nats.host") as YamlScalarNode)?.Value ?? DefaultNats;
            _judged.Add(new Judged(
                "-", Fate.ToDo, [], $"{nats} is OpenFaaS's NATS. Its streams have the names of ours and cannot be shared: a worker that finds OF_<queue> of OpenFaaS ends with code 2 (NATS Streaming of the Community Edition has no streams at all). Name another server or account ({server}) or, where the server has JetStream, another queue ({queue}); see docs/migration.md"));
        }
    }

    // On by default in both editions, so that it stands in no file.
    private void TellWhoScaled()
    {
        var (part, key) = IsOn("openfaasPro") ? ("autoscaler", "autoscaler.enabled") : ("alertmanager", "alertmanager.create");
        if (IsOn(key, byDefault: true))
        {
            _judged.Add(new Judged(
                "-", Fate.ToDo, [], $"{OpenFaasCharts.NotByLoad}. OpenFaaS's own ({part}) counts no calls of a gateway in another namespace: stop it before they come here, or show them to its Prometheus (docs/migration.md)"));
        }
    }

    private void Add(string chart, string key, string value, string why)
    {
        if (YamlPath.At(Files[chart], key) is null)
        {
            YamlPath.Set(Files[chart], key.Split('.'), new YamlScalarNode(value));
            _judged.Add(new Judged("-", Fate.Added, [new Target(chart, key.Split('.'))], why));
        }
    }

    private bool IsOn(string? key, bool byDefault = false) => key is null || (YamlPath.At(_values, key) is { } node ? !new YamlPath([], node).IsOff : byDefault);
}
