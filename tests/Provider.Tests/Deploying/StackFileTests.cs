using System.Text;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.State;
using Connectors.Sdk.Hosting;
using CsCheck;

namespace Connectors.Provider.Tests.Deploying;

/// <summary>Stack files are read as faas-cli reads them, and a fault names file, line and key.</summary>
public sealed class StackFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stack-").FullName;
    private readonly Dictionary<string, string> _variables = [];

    [Fact]
    public void Substitutions_take_variables_and_defaults()
    {
        _variables["REGION"] = "eu";
        _variables["EMPTY"] = "";

        var function = ReadOne("""
            functions:
              subst:
                image: ${REGISTRY:-local}/subst:${TAG:-0.1}
                fprocess: env
                environment:
                  stage: ${STAGE:-dev}
                  region: ${REGION}
                  missing: ${MISSING}
                  nested: ${MISSING:-${REGION}-1}
                  empty: ${EMPTY:-filled}
                  large: ${REGION^^}
                  literal: $${REGION} $REGION $$
                annotations:
                  topic: ${TOPIC:-orders}
            """);

        Assert.Equal("local/subst:0.1", function.Image);
        Assert.Equal("orders", function.Annotations!["topic"]);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["stage"] = "dev",
                ["region"] = "eu",
                ["missing"] = "",
                ["nested"] = "eu-1",
                ["empty"] = "filled",
                ["large"] = "EU",
                ["literal"] = "${REGION} $REGION $",
            },
            function.EnvVars);
    }

    [Fact]
    public void Environment_files_win_over_the_environment()
    {
        File.WriteAllText(Path.Combine(_folder, "common.yml"), "environment:\n  from_file: \"yes\"\n  both: file\n  number: 7\n");

        var function = ReadOne("""
            functions:
              withfile:
                image: x
                fprocess: env
                environment:
                  from_stack: "1"
                  both: stack
                environment_file:
                  - common.yml
            """);

        Assert.Equal(new Dictionary<string, string> { ["from_stack"] = "1", ["both"] = "file", ["from_file"] = "yes", ["number"] = "7" }, function.EnvVars);
    }

    [Fact]
    public void Merges_fill_what_is_not_there()
    {
        var function = ReadOne("""
            x-more: &more
              labels: {from: more}
              namespace: other
            x-defaults: &defaults
              image: x
              fprocess: env
              labels:
                com.openfaas.scale.min: "2"
              annotations: &annotations
                com.openfaas.retry.attempts: "3"
                topic: defaults
            functions:
              merged:
                <<: [*defaults, *more]
                environment:
                  a: b
                annotations:
                  topic: own
                  <<: *annotations
            """);

        Assert.Equal("x:latest", function.Image);
        Assert.Equal("env", function.EnvProcess);
        Assert.Equal("other", function.Namespace);
        Assert.Equal(new Dictionary<string, string> { ["com.openfaas.scale.min"] = "2" }, function.Labels);
        Assert.Equal(new Dictionary<string, string> { ["com.openfaas.retry.attempts"] = "3", ["topic"] = "own" }, function.Annotations);
    }

    [Fact]
    public void Values_of_any_kind_are_the_texts_that_stand_there()
    {
        var function = ReadOne("""
            functions:
              kinds:
                image: x
                fprocess: env
                readonly_root_filesystem: true
                environment:
                  number: 0x10
                  large: 1_000
                  real: 1.10
                  flag: true
                  word: yes
                  empty:
                  tilde: ~
                  quoted: "null"
                  date: 2026-01-01
                limits:
                  memory: 64000000
                  files: 32
                  nvidia.com/gpu: 1
                  amd.com/gpu: 2
                  intel.com/gpu: "3"
                secrets:
                labels:
            """);

        Assert.Equal(["0x10", "1_000", "1.10", "true", "yes", "", "", "null", "2026-01-01"], function.EnvVars!.Values);
        Assert.Equal("32", function.Limits!.Files);
        Assert.Equal("64000000", function.Limits.Memory);
        Assert.Equal("nvidia.com/gpu=1, amd.com/gpu=2, intel.com/gpu=3", function.Limits.Gpus);
        Assert.True(function.ReadOnlyRootFilesystem);
        Assert.Null(function.Secrets);
    }

    [Theory]
    [InlineData("functions:\n  a:\n    environment:\n      - x\n", "line 4: functions.a.environment: is not a mapping")]
    [InlineData("functions:\n  a:\n    environment:\n      x: [1]\n", "line 4: functions.a.environment.x: is not a text")]
    [InlineData("functions:\n  a:\n    secrets: one\n", "line 3: functions.a.secrets: is not a list")]
    [InlineData("functions:\n  a: text\n", "line 2: functions.a: is not a mapping")]
    [InlineData("functions: [a]\n", "line 1: functions: is not a mapping")]
    [InlineData("- functions\n", "line 1: the file: is not a mapping")]
    [InlineData("functions:\n  a:\n    readonly_root_filesystem: perhaps\n", "line 3: functions.a.readonly_root_filesystem: is neither")]
    [InlineData("functions:\n  a:\n    image: ${X\n", "line 3: ${X: is not a substitution")]
    [InlineData("functions:\n  a:\n    image: ${X/a/b}\n", "line 3: ${X/a/b}: is not a substitution")]
    [InlineData("functions:\n  a:\n    image: x\n    image: y\n", "line 4: is not YAML")]
    [InlineData("functions:\n  a: &a\n    <<: *a\n", "line ")]
    [InlineData("functions:\n  a:\n\tb: c\n", "is not YAML")]
    [InlineData("functions:\n  a:\n    environment_file: [none.yml]\n", "none.yml: cannot be read")]
    [InlineData("functions:\n  a:\n    environment_file: [\"a\\0b\"]\n", "cannot be read")]
    [InlineData("functions:\n  a:\n    fprocess: cat\n    environment:\n      ok: 1\n      exec_timeout: soon\n", "line 6: functions.a: exec_timeout: ")]
    [InlineData("functions:\n  a:\n    fprocess: cat\n    environment:\n      marshal_request: true\n", "line 5: functions.a: marshal_request: ")]
    [InlineData("functions:\n  a:\n    fprocess: cat\n    limits:\n      memory: lots\n", "line 5: functions.a: limits.memory: ")]
    [InlineData("functions:\n  a:\n    fprocess: cat\n    annotations:\n      com.openfaas.retry.max_age: 99999999h\n", "line 5: functions.a: annotations.com.openfaas.retry.max_age: ")]
    [InlineData("functions:\n  a:\n    fprocess: cat\n    annotations:\n      com.openfaas.retry.max_wait: 1s\n      com.openfaas.retry.min_wait: 2s\n", "line 5: functions.a: annotations.com.openfaas.retry.max_wait: ")]
    [InlineData("functions:\n  a:\n    fprocess: cat\n    secrets: [none]\n", "line 4: functions.a: secrets: ")]
    [InlineData("functions:\n  a:\n    fprocess: sh -c 'open\n", "line 3: functions.a: envProcess: ")]
    [InlineData("functions:\n  Bad_Name:\n    fprocess: cat\n", "functions.Bad_Name: service: ")]
    public void A_fault_names_file_line_and_key(string text, string told)
    {
        var fault = FaultOf(text);

        Assert.NotNull(fault);
        Assert.StartsWith($"functions_path: {_folder}", fault, StringComparison.Ordinal);
        Assert.Contains(told, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Odd_files_give_functions_or_a_fault_that_names_a_line()
    {
        var scalar = Gen.OneOf(
            "x", "", "~", "null", "true", "1", "-1.5e9", "0o17", "\"q\"", "'s'", "${A}", "${A:-b}", "${A", "$${A}", "|\n        text", "[a, b]", "[\"\\0\"]", "{a: b}", "*a", "&b c", "!!binary aGk=", "!tag x",
            "99999999h", "64Mi", "\"\\0\"", "ü🦉", "? x", "- x", "@", "%", "2026-01-01", "<<", "sh -c 'open", "\t", "#comment");
        var key = Gen.OneOf(
            "image", "fprocess", "environment", "labels", "annotations", "limits", "requests", "secrets", "constraints", "namespace", "handler", "environment_file",
            "readonly_root_filesystem", "<<", "unknown", "\"\"", "1", "? complex", "image");
        var nested = Gen.Select(Gen.OneOf("a", "exec_timeout", "memory", "files", "com.openfaas.retry.max_age", "a b", "A=B", "<<", "true", "max_inflight"), scalar)
            .Array[0, 3].Select(entries => entries.Length == 0 ? "" : "\n" + string.Join('\n', entries.Select(e => $"      {e.Item1}: {e.Item2}")));
        var field = Gen.Select(key, Gen.OneOf<string>(scalar, nested), (k, v) => $"    {k}: {v}");
        var function = Gen.Select(Gen.OneOf("fn", "fn-2", "Bad_Name", "\"\"", "<<", "&a fn3"), field.Array[0, 5], (name, fields) => $"  {name}:\n{string.Join('\n', fields)}");
        var file = Gen.Select(Gen.OneOf("functions:", "functions: &a", "version: 1.0\nfunctions:", "x: &a {image: y}\nfunctions:"), function.Array[0, 3], (head, all) => $"{head}\n{string.Join('\n', all)}\n");

        file.Sample(text =>
        {
            if (FaultOf(text) is { } fault)
            {
                Assert.All(fault.Split('\n').Where(line => line.StartsWith("functions_path", StringComparison.Ordinal)), line => Assert.Matches(": line [0-9]+: |cannot be read", line));
            }
        }, iter: 5000);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private FunctionDeployment ReadOne(string text) => Assert.Single(Read(text)).Deployment;

    private IReadOnlyList<StackFunction> Read(string text)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.yaml");
        File.WriteAllText(path, text, new UTF8Encoding(false));
        return StackFile.Read(path, name => _variables.GetValueOrDefault(name));
    }

    // Of the file itself, or of a deployment that it describes.
    private string? FaultOf(string text)
    {
        try
        {
            var secrets = new SecretStore(Options.Of(_folder));
            var faults = from entry in Read(text)
                         let deployment = entry.Deployment with { Namespace = entry.Deployment.Namespace ?? "openfaas-fn" }
                         from fault in DeployRules.Faults(deployment, secrets)
                         select entry.Locate(fault);
            return faults.Any() ? string.Join('\n', faults) : null;
        }
        catch (ConfigurationException fault)
        {
            return fault.Message;
        }
    }
}
