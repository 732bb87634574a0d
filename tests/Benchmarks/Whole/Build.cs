using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>A source tree that was built: this one, or another revision beside it; perhaps with other settings of the runtime.</summary>
/// <param name="Name">What its figures are called; empty for this one as it is.</param>
/// <param name="Root">Its root.</param>
internal sealed record Build(string Name, string Root)
{
    internal static Build Own { get; } = new("", Tools.RepositoryRoot);

    /// <summary>This tree's services as they are released: machine code.</summary>
    internal static Build Native { get; } = Own with { Name = "as machine code", Programs = Path.Combine(Tools.RepositoryRoot, "artifacts", "programs") };

    private string? Programs { get; init; }

    /// <summary>Environment variables of its services, such as <c>DOTNET_gcServer</c>.</summary>
    internal IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>This tree with settings: <c>DOTNET_gcServer=1 DOTNET_TieredPGO=0</c>.</summary>
    internal static Build With(string settings) => Own with
    {
        Name = settings,
        Environment = settings.Split(' ').Select(setting => setting.Split('=', 2)).ToDictionary(setting => setting[0], setting => setting[1]),
    };

    /// <summary>The assembly of one of its projects.</summary>
    internal string Assembly(string project) => Path.Combine(Root, "artifacts", "bin", project, "release", project + ".dll");

    /// <summary>What starts one of its services: the program and its first arguments.</summary>
    internal IReadOnlyList<string> Command(string project) => Programs is null ? ["dotnet", Assembly(project)] : [Path.Combine(Programs, project, project)];

    /// <summary>A contestant's name, with the revision's if it is another.</summary>
    internal string Named(string name) => Name.Length == 0 ? name : $"{name}, {Name}";
}
