using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;
using YamlDotNet.Serialization;

namespace Connectors.Cli.Migration;

/// <summary><c>migrate</c>: what becomes of the values that somebody gave to a chart of OpenFaaS, key by key, and the files for ours.</summary>
internal static class Migrate
{
    // How "helm get values" begins unless it is asked for YAML.
    private const string HelmTitle = "USER-SUPPLIED VALUES";

    private static readonly Argument<string> Values = new Argument<string>("VALUES") { Description = "The file: helm get values RELEASE -n openfaas -o yaml" }.NamesPath();
    private static readonly Option<string> Chart = ChartOption();
    private static readonly Option<string> Into = new Option<string>("--into") { Description = "Writes a values file for each of our charts into this directory; without it nothing is written", HelpName = "DIRECTORY" }.NamesPath();
    private static readonly Option<string> Provider = new("--provider") { Description = "Where functions are deployed, with the chart openfaas", HelpName = "URL" };
    private static readonly Option<string> Namespace = new("--namespace", "-n") { Description = "The namespace that our charts will be in", HelpName = "NAME", DefaultValueFactory = _ => "openfaas" };

    public static Command Create()
    {
        var command = new Command("migrate", "Tells what becomes of each value of an OpenFaaS chart, and writes ours; asks no gateway. Exit code 1: some value cannot be taken over")
        {
            Values,
            Chart,
            Into,
            Provider,
            Namespace,
        };
        command.DoesAlone(Run);
        return command;
    }

    private static void Run(ParseResult parsed)
    {
        var output = parsed.InvocationConfiguration.Output;
        var file = parsed.GetRequiredValue(Values);
        var values = Read(file);
        var chart = parsed.GetValue(Chart) ?? Move.ChartOf(values)
            ?? throw CommandFailure.Usage($"{file}: these values fit several charts; --chart says whose they are: {string.Join(", ", OpenFaasCharts.Rules.Keys)}.");
        var move = Move.Of(chart, values, parsed.GetValue(Provider), parsed.GetValue(Namespace)!);
        var written = parsed.GetValue(Into) is { } directory ? Write(move, directory, chart) : [];

        var rows = new JsonArray([.. move.Keys.Select(key => (JsonNode)new JsonObject
        {
            ["key"] = key.Key,
            ["fate"] = key.FateText,
            ["to"] = string.Join(", ", key.To),
            ["note"] = key.Note,
        })]);
        if (parsed.GetValue(SharedOptions.Json))
        {
            output.WriteLine(ReadableJson.Text(rows));
        }
        else
        {
            output.WriteLine($"Values of the chart {chart}:");
            new Table(output, new("KEY", "key"), new("IS", "fate"), new("HERE", "to"), new("NOTE", "note")).Add(rows);
            written.ForEach(path => output.WriteLine($"Written: {path}"));
        }

        if (move.Keys.Count(key => key.Fate == Fate.NotPossible) is > 0 and var lost)
        {
            throw new CommandFailure($"Not all can be taken over: {lost} of {move.Keys.Count(key => key.IsGiven)} values are not possible.");
        }
    }

    private static YamlMappingNode Read(string file)
    {
        try
        {
            using var reader = new StreamReader(file);
            var stream = new YamlStream();
            stream.Load(reader);
            if (stream.Documents.Count == 0 || stream.Documents[0].RootNode is YamlScalarNode { Value: null or "" })
            {
                return [];
            }

            var root = YamlPath.Merged(stream.Documents[0].RootNode) as YamlMappingNode ?? throw CommandFailure.Usage($"{file}: values are names with values, and this is none.");
            root.Children.Remove(new YamlScalarNode(HelmTitle));
            return root;
        }
        catch (YamlException fault)
        {
            throw CommandFailure.Usage($"{file}, line {fault.Start.Line}: {fault.Message.ReplaceLineEndings(" ")}");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Usage($"{file}: {fault.Message}");
        }
    }

    private static List<string> Write(Move move, string directory, string chart)
    {
        var files = move.Files.ToDictionary(file => Path.Combine(directory, $"{file.Key}-values.yaml"), file => file.Value);
        if (files.Keys.FirstOrDefault(File.Exists) is { } there)
        {
            throw new CommandFailure($"{there} is there already, and nothing was written: --into names another directory.");
        }

        Directory.CreateDirectory(directory);
        foreach (var (path, values) in files)
        {
            using var writer = new StreamWriter(path);
            writer.WriteLine($"# From values of OpenFaaS's chart {chart}.");
            new SerializerBuilder().DisableAliases().Build().Serialize(writer, values);
        }

        return [.. files.Keys];
    }

    private static Option<string> ChartOption()
    {
        var option = new Option<string>("--chart", "-c") { Description = "Whose values they are, where they do not tell it themselves", HelpName = "NAME" };
        option.AcceptOnlyFromAmong([.. OpenFaasCharts.Rules.Keys]);
        return option;
    }
}
