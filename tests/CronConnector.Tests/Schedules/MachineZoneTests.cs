using Connectors.Testing;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>The real process with real environments: what the runtime would silently take for UTC is refused or told.</summary>
public class MachineZoneTests
{
    [Theory]
    [InlineData("Europe/Berln", "Europe/Berlin or UTC")]
    [InlineData("CET-1CEST", "Europe/Berlin or UTC")]
    [InlineData("/usr/share/zoneinfo/Nowhere", "Europe/Berlin or UTC")]
    public async Task A_TZ_that_is_no_zone_is_bad_configuration(string zone, string allowed)
    {
        var (exitCode, output) = await ServiceProcess.RunAsync("CronConnector", new Dictionary<string, string> { ["TZ"] = zone });

        Assert.Equal(2, exitCode);
        Assert.Contains($"TZ: \"{zone}\" is not valid", output, StringComparison.Ordinal);
        Assert.Contains(allowed, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_TZ_without_zone_data_is_too_and_says_what_is_missing()
    {
        var (exitCode, output) = await ServiceProcess.RunAsync("CronConnector", new Dictionary<string, string> { ["TZ"] = "Europe/Berlin", ["TZDIR"] = "/nowhere" });

        Assert.Equal(2, exitCode);
        Assert.Contains("tzdata", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Asia/Kolkata", "Asia/Kolkata")]
    [InlineData(":Asia/Kolkata", "Asia/Kolkata")]
    [InlineData("/usr/share/zoneinfo/Asia/Tokyo", "")]
    public async Task One_that_is_a_zone_is_told_at_start(string zone, string told)
    {
        await using var cron = await ServiceProcess.StartAsync("CronConnector", new Dictionary<string, string> { ["TZ"] = zone, ["log_encoding"] = "json" }, ready: false);

        await cron.Process.LineAsync(line => line.Contains($"\"zone\":\"{told}", StringComparison.Ordinal) && !line.Contains("UTC", StringComparison.Ordinal), "the zone is told");
    }

    [Fact]
    public async Task A_machine_without_zone_data_says_so_and_runs()
    {
        await using var cron = await ServiceProcess.StartAsync("CronConnector", new Dictionary<string, string> { ["TZDIR"] = "/nowhere" }, ready: false);

        await cron.Process.LineAsync(line => line.Contains("no time zone data", StringComparison.Ordinal), "it is told");
    }
}
