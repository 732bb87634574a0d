namespace Connectors.Provider.Contracts;

/// <summary>What a function's labels <c>com.openfaas.scale.*</c> say of its replicas; what is missing or cannot be read has its default.</summary>
public sealed record ScaleLabels
{
    /// <summary>By calls that wait in the queue.</summary>
    public const string ByQueue = "queue";

    private const string Prefix = "com.openfaas.scale.";
    private const ulong UsualMax = 20;

    // A label's value has no more in Kubernetes.
    private const int MaxTypeLength = 63;
    private static readonly TimeSpan MaxDownWindow = TimeSpan.FromMinutes(5);

    /// <summary><c>queue</c>, <c>rps</c>, <c>capacity</c>, <c>cpu</c>, or the name of a rule that somebody made for an autoscaler.</summary>
    public string Type { get; private init; } = "rps";

    /// <summary>Load of one replica.</summary>
    public double Target { get; private init; } = 50;

    /// <summary>How much of the target is to be used, above 0 and at most 1.</summary>
    public double Proportion { get; private init; } = 0.9;

    public ulong Min { get; private init; } = 1;

    /// <summary>At least <see cref="Min"/>.</summary>
    public ulong Max { get; private init; } = UsualMax;

    /// <summary>Whether an idle function loses its last replica.</summary>
    public bool ToZero { get; private init; }

    /// <summary>How long it has to be idle for that.</summary>
    public TimeSpan ZeroDuration { get; private init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long fewer replicas have to be enough before some are taken away.</summary>
    public TimeSpan DownWindow { get; private init; }

    public static ScaleLabels Of(FunctionSpec function) => Read(function, []);

    /// <summary>Reads the labels; faults are added to <paramref name="faults"/>, one line each.</summary>
    public static ScaleLabels Read(FunctionSpec function, IList<string> faults)
    {
        var usual = new ScaleLabels();
        var fields = new TextFields(function.Labels, "labels.", Prefix, faults);
        var min = MinReplicas.Of(function);
        fields.Number("min", 0, MinReplicas.Max);
        var max = fields.Number("max", 1, MinReplicas.Max);
        if (max < min)
        {
            fields.Refuse("max", "at least com.openfaas.scale.min");
        }

        return new ScaleLabels
        {
            Type = RuleName("type") ?? usual.Type,
            Target = fields.Fraction("target", double.MaxValue, "a number above 0") ?? usual.Target,
            Proportion = fields.Fraction("target-proportion", 1, "a number above 0, at most 1") ?? usual.Proportion,
            Min = min,
            Max = Math.Max(max ?? UsualMax, min),
            ToZero = fields.OneOf("zero", "true", "false") == "true",
            ZeroDuration = fields.Duration("zero-duration") ?? usual.ZeroDuration,
            DownWindow = fields.Duration("down.window", MaxDownWindow) ?? usual.DownWindow,
        };

        string? RuleName(string name) =>
            fields.Text(name, IsRuleName, $"queue, rps, capacity, cpu, or another rule's name: at most {MaxTypeLength} letters, digits, - _ and .");
    }

    private static bool IsRuleName(string text) => text.Length <= MaxTypeLength && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
