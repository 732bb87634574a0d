using System.Text.RegularExpressions;
using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Tests.Hosting;

public partial class SettingsTests
{
    private enum Shade
    {
        LightGrey,
        Black,
    }

    [Fact]
    public void An_unset_or_empty_name_means_the_default()
    {
        var settings = Given(("name", ""), ("number", " "));

        Assert.Equal("x", settings.Text("name", "x", ""));
        Assert.Equal(7, settings.Number("number", 7, ""));
        Assert.True(settings.Flag("flag", true, ""));
        Assert.Equal(TimeSpan.FromSeconds(5), settings.Duration("duration", TimeSpan.FromSeconds(5), ""));
        Assert.Equal("http://g:1/", settings.Url("url", "http://g:1", "")?.AbsoluteUri);
        Assert.Null(settings.Url("no_url", "", ""));
        Assert.Equal(["a", "b"], settings.List("list", " a, ,b,", ""));
        Assert.Equal(Shade.Black, settings.Choice("shade", Shade.Black, ""));
        Assert.Empty(settings.Errors);
    }

    [Fact]
    public void A_file_has_to_be_there_and_a_secret_not_to_be_empty()
    {
        var folder = Directory.CreateTempSubdirectory("settings-");
        var (empty, full) = (Path.Combine(folder.FullName, "empty"), Path.Combine(folder.FullName, "full"));
        File.WriteAllText(empty, " \n");
        File.WriteAllText(full, "s3cret\n");
        var settings = Given(("full", full), ("empty", empty), ("missing", empty + "-not"), ("missing_secret", empty + "-not"));

        Assert.Equal(full, settings.File("full", ""));
        Assert.Equal("s3cret", settings.SecretFile("full", "")?.Value);
        Assert.Equal("", settings.File("unset", ""));
        Assert.Null(settings.SecretFile("unset", ""));
        Assert.Empty(settings.Errors);
        settings.File("missing", "");
        settings.SecretFile("missing_secret", "");
        settings.SecretFile("empty", "");

        settings.CheckSecrets(folder.FullName, Path.GetFileName(full), "not-there");
        Assert.Equal(["missing", "missing_secret", "empty"], settings.Errors.Select(e => e.Split(':')[0]));
        settings.CheckSecrets(folder.Parent!.FullName, folder.Name);
        Assert.StartsWith($"secret_mount_path: \"{folder.FullName}\" is not valid; allowed: a file that this process's user may read, or none (", settings.Errors[^1], StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("amqp://app:s3cret@host/v", "amqp://***@host/v")]
    [InlineData("amqp://app:s3cret/s3cret@host:bad", "amqp://***@host:bad")]
    [InlineData("nats://a:s3cret@one,nats://s3cret@two", "nats://***@one,nats://***@two")]
    [InlineData("http://gateway:8080/a@b", "http://***@b")]
    [InlineData("amqp://app:s3,s3cret@host/v", "amqp://***@host/v")]
    [InlineData("amqp://app:s3 s3cret@host/v", "amqp://***@host/v")]
    [InlineData("amqp://app:s3@s3cret,s3cret@host", "amqp://***@host")]
    [InlineData("nats://one, nats://a:s3,cret@two", "nats://one, nats://***@two")]
    [InlineData("app:s3,cret@host:5672", "***@host:5672")]
    [InlineData("[{\"name\":\"a@b\"}]", "[{\"name\":\"a@b\"}]")]
    [InlineData("one:4222,two:4222", "one:4222,two:4222")]
    [InlineData("http://gateway:8080", "http://gateway:8080")]
    public void Credentials_in_an_address_are_shown_nowhere(string given, string shown)
    {
        var settings = Given(("url", given));

        Assert.Equal(given, settings.Text("url", "", ""));
        settings.Fault("url", "another");

        Assert.Equal(shown, Assert.Single(settings.Declared).Shown);
        Assert.Equal($"url: \"{shown}\" is not valid; allowed: another", Assert.Single(settings.Errors));
    }

    [Fact]
    public void Values_are_trimmed_and_read()
    {
        var settings = Given(
            ("name", " y "), ("number", " 8"), ("flag", "1"), ("other", "FALSE"), ("duration", "90"), ("url", "https://g/base"), ("shade", "Light_Grey"), ("long", "-1"));

        Assert.Equal("y", settings.Text("name", "x", ""));
        Assert.Equal(8, settings.Number("number", 7, ""));
        Assert.True(settings.Flag("flag", false, ""));
        Assert.False(settings.Flag("other", true, ""));
        Assert.Equal(TimeSpan.FromSeconds(90), settings.Duration("duration", TimeSpan.Zero, ""));
        Assert.Equal("https://g/base", settings.Url("url", "", "")?.AbsoluteUri);
        Assert.Equal(Shade.LightGrey, settings.Choice("shade", Shade.Black, ""));
        Assert.Equal(-1, settings.LongNumber("long", 0, "", -1));
        Assert.Empty(settings.Errors);
    }

    [Fact]
    public void Every_fault_is_told_at_once_with_name_value_and_what_is_allowed()
    {
        var settings = Given(
            ("name", "UPPER"), ("number", "eight"), ("bound", "70000"), ("flag", "yes"), ("duration", "10 s"), ("long_wait", "2h"), ("url", "gateway:8080"), ("shade", "red"));

        Assert.Equal("x", settings.Text("name", "x", "", LowerCase(), "lower case"));
        Assert.Equal(7, settings.Number("number", 7, ""));
        Assert.Equal(80, settings.Number("bound", 80, "", 0, 65535));
        Assert.False(settings.Flag("flag", false, ""));
        Assert.Equal(TimeSpan.FromSeconds(1), settings.Duration("duration", TimeSpan.FromSeconds(1), ""));
        settings.Duration("long_wait", TimeSpan.FromSeconds(1), "", max: TimeSpan.FromHours(1));
        Assert.Null(settings.Url("url", "http://g", ""));
        Assert.Equal(Shade.Black, settings.Choice("shade", Shade.Black, ""));

        Assert.Equal(
            [
                "name: \"UPPER\" is not valid; allowed: lower case",
                "number: \"eight\" is not valid; allowed: a whole number, 0 or more",
                "bound: \"70000\" is not valid; allowed: a whole number from 0 to 65535",
                "flag: \"yes\" is not valid; allowed: true or false",
                "duration: \"10 s\" is not valid; allowed: a duration such as 10s, 1m30s or 30 (seconds), from 0s to 1080h",
                "long_wait: \"2h\" is not valid; allowed: a duration such as 10s, 1m30s or 30 (seconds), from 0s to 1h",
                "url: \"gateway:8080\" is not valid; allowed: an address such as http://gateway:8080, without user, password and query",
                "shade: \"red\" is not valid; allowed: light_grey or black",
            ],
            settings.Errors);
    }

    [Theory]
    [InlineData("http://gateway:8080?x=1")]
    [InlineData("http://gateway:8080/base?")]
    [InlineData("http://gateway:8080/#part")]
    [InlineData("http://gateway:8080#")]
    public void An_address_to_which_paths_are_added_has_no_query(string url)
    {
        var settings = Given(("url", url));

        Assert.Null(settings.Url("url", "http://g", ""));
        Assert.StartsWith($"url: \"{url}\" is not valid", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://admin:s3cret@gateway:8080")]
    [InlineData("https://s3cret@gateway/base")]
    public void An_address_with_a_password_which_nobody_would_send_is_refused_and_the_password_not_told(string url)
    {
        var settings = Given(("url", url));

        Assert.Null(settings.Url("url", "http://g", ""));
        var error = Assert.Single(settings.Errors);
        Assert.Contains("***@gateway", error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("12345678901234567890")]
    [InlineData("1.5")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("-1")]
    public void Numbers_out_of_range_or_form_are_faults(string value)
    {
        var settings = Given(("number", value));

        settings.Number("number", 1, "");

        Assert.Single(settings.Errors);
    }

    [Fact]
    public void A_fault_is_one_line_whatever_was_given()
    {
        var settings = Given(("flag", "a\nerror: all is lost\r\n\u001b[31m" + new string('x', 1_000)));

        settings.Flag("flag", false, "");

        var line = Assert.Single(settings.Errors);
        Assert.DoesNotContain(line, char.IsControl);
        Assert.True(line.Length < 300);
    }

    [Fact]
    public void A_fault_of_its_own_masks_secrets()
    {
        var settings = Given(("token", "hunter2"), ("mode", "x"));
        settings.SecretText("token", "");
        settings.Text("mode", "", "");

        settings.Fault("token", "a longer one");
        settings.Fault("mode", "y");
        settings.Fault("unset", "something");

        Assert.Equal(
            ["token: \"***\" is not valid; allowed: a longer one", "mode: \"x\" is not valid; allowed: y", "unset: is not set; allowed: something"],
            settings.Errors);
    }

    [Fact]
    public void Flags_overlay_the_environment_with_either_dash_and_hyphens()
    {
        var settings = Settings.FromProcess(["--queue-url=a=b", "-tls", "--max_messages=3", "ignored"]);

        Assert.Equal("a=b", settings.Text("queue_url", "", ""));
        Assert.True(settings.Flag("tls", false, ""));
        Assert.Equal(3, settings.Number("max_messages", 1, ""));
        Assert.NotEmpty(settings.Text("PATH", "", ""));
    }

    private static Settings Given(params (string Name, string Value)[] values) => new(values.ToDictionary(v => v.Name, v => v.Value));

    [GeneratedRegex("^[a-z]+$")]
    private static partial Regex LowerCase();
}
