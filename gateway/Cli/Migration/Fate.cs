using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Migration;

/// <summary>What becomes of one key of a values file.</summary>
internal enum Fate
{
    /// <summary>It has its name and meaning here too.</summary>
    Same,

    /// <summary>It has another name, or belongs to another chart.</summary>
    Renamed,

    /// <summary>Nothing is missing without it.</summary>
    NotNeeded,

    /// <summary>What it asks for is not to be had here, or not without the operator's hand.</summary>
    NotPossible,

    /// <summary>It stood in no file, but was the other chart's default or is needed here.</summary>
    Added,

    /// <summary>It stands in no file, and the operator has to see to it.</summary>
    ToDo,
}

/// <summary>A key of one of our charts.</summary>
internal sealed record Target(string Chart, IReadOnlyList<string> Names)
{
    public override string ToString() => $"{Chart}: {string.Join('.', Names)}";
}

/// <summary>What becomes of a key and all that is below it, unless a longer rule knows better.</summary>
internal sealed record Rule(string Key, Fate Fate, string Note)
{
    /// <summary>Whether it judges the key alone, and nothing that stands below it.</summary>
    public bool IsAlone { get; init; }

    /// <summary>Whether only the Pro edition has it, or only the other; null for both.</summary>
    public bool? IsPro { get; init; }

    /// <summary>Where its value goes.</summary>
    public IReadOnlyList<Target> To { get; init; } = [];

    /// <summary>The switch that has to be on for the key to mean anything; null if it has none.</summary>
    public string? Switch { get; init; }

    /// <summary>Whether the other chart has the switch on where a file does not name it.</summary>
    public bool IsOnByDefault { get; init; }

    /// <summary>Why a value is refused; null if it is not.</summary>
    public Func<string, string?> Refuses { get; init; } = _ => null;

    /// <summary>Why a value is refused that leads to other parts than ours; null if it does not.</summary>
    public Func<YamlNode, string?> LeadsElsewhere { get; init; } = _ => null;

    /// <summary>Puts a value right that names our pods by their labels, and says so; null if there is nothing to say.</summary>
    public Func<YamlNode, Relabelled?> Relabels { get; init; } = _ => null;

    /// <summary>Why nothing is missing without a value; null if it is taken over.</summary>
    public Func<string, string?> Spares { get; init; } = _ => null;
}

/// <summary>One key with its fate.</summary>
internal sealed record Judged(string Key, Fate Fate, IReadOnlyList<Target> To, string Note)
{
    /// <summary>Whether it stands in the file.</summary>
    public bool IsGiven => Fate is not (Fate.Added or Fate.ToDo);

    public string FateText => Fate switch
    {
        Fate.Same => "same",
        Fate.Renamed => "renamed",
        Fate.NotNeeded => "not needed",
        Fate.Added => "added",
        Fate.ToDo => "to do",
        _ => "not possible",
    };
}
