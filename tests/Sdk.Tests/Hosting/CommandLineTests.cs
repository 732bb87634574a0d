using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Tests.Hosting;

/// <summary>Console output is one for the process, so tests that read it or write to it are one collection: they run one after another.</summary>
[Collection("console")]
public class CommandLineTests
{
    [Fact]
    public void Help_lists_every_option_with_default_and_meaning()
    {
        var (goesOn, exitCode, said) = Run("--help");

        Assert.False(goesOn);
        Assert.Equal(0, exitCode);
        Assert.StartsWith("Does things.", said, StringComparison.Ordinal);
        Assert.Contains("  wait (default 10s)\n      How long", said.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("  token\n      The token", said.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_effective_configuration_masks_secrets()
    {
        var (goesOn, exitCode, said) = Run("--print-config", "--token=hunter2", "--wait=90");

        Assert.False(goesOn);
        Assert.Equal(0, exitCode);
        Assert.Contains("wait=90", said, StringComparison.Ordinal);
        Assert.Contains("token=***", said, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", said, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unset_secret_shows_as_unset()
    {
        var (_, _, said) = Run("--print-config");

        Assert.Contains("token=" + Environment.NewLine, said + Environment.NewLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_are_told_and_end_with_code_2_even_before_printing_the_configuration()
    {
        var (goesOn, exitCode, said) = Run("--print-config", "--wait=soon", "--port=-1");

        Assert.False(goesOn);
        Assert.Equal(CommandLine.BadConfiguration, exitCode);
        Assert.Equal(2, said.Trim().Split('\n').Length);
    }

    [Fact]
    public void The_version_is_told()
    {
        var (goesOn, exitCode, said) = Run("--version");

        Assert.False(goesOn);
        Assert.Equal(0, exitCode);
        Assert.Equal(CommandLine.Version, said.Trim());
    }

    [Fact]
    public void Without_faults_the_service_goes_on_and_nothing_is_said()
    {
        var (goesOn, _, said) = Run("--wait=1s");

        Assert.True(goesOn);
        Assert.Empty(said);
    }

    private static (bool GoesOn, int ExitCode, string Said) Run(params string[] args)
    {
        var (output, error) = (Console.Out, Console.Error);
        using var said = new StringWriter();
        Console.SetOut(said);
        Console.SetError(said);
        try
        {
            var goesOn = CommandLine.TryRead("Does things.", args, Read, out _, out var exitCode);
            return (goesOn, exitCode, said.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    private static (TimeSpan Wait, string Token, int Port) Read(Settings settings) => (
        settings.Duration("wait", TimeSpan.FromSeconds(10), "How long"),
        settings.SecretText("token", "The token"),
        settings.Number("port", 8081, "The port", 0, 65535));
}
