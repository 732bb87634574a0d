using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.State;

namespace Connectors.Provider.Api;

/// <summary>Namespaces: list, create, describe, update, delete.</summary>
internal sealed class NamespaceApi(ProviderOptions options, NamespaceStore namespaces, Functions functions, SecretStore secrets, Claims claims)
{
    public Task ListAsync(HttpContext http) => Answer.JsonAsync(http, StatusCodes.Status200OK, [.. namespaces.Names], ProviderJson.Default.ListString);

    public Task DescribeAsync(HttpContext http) => namespaces.Find(NameOf(http)) is { } found
        ? Answer.JsonAsync(http, StatusCodes.Status200OK, found, ProviderJson.Default.FunctionNamespace)
        : NotFoundAsync(http);

    public async Task CreateAsync(HttpContext http)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.FunctionNamespace) is not { } given)
        {
            return;
        }

        var name = given.Name.Length > 0 ? given.Name : NameOf(http);
        await AnswerAsync(http, StatusCodes.Status201Created, async () =>
        {
            if (!DeployRules.IsName(name))
            {
                return (StatusCodes.Status400BadRequest, $"name: ({name}) is invalid, {DeployRules.NameRule}");
            }

            if (namespaces.Find(name) is not null)
            {
                return (StatusCodes.Status409Conflict, $"namespace {name} exists already");
            }

            await namespaces.WriteAsync(given with { Name = name });
            return null;
        });
    }

    public async Task UpdateAsync(HttpContext http)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.FunctionNamespace) is not { } given)
        {
            return;
        }

        await AnswerAsync(http, StatusCodes.Status202Accepted, async () =>
        {
            if (namespaces.Find(NameOf(http)) is not { } found)
            {
                return NotFound(http);
            }

            await namespaces.WriteAsync(given with { Name = found.Name });
            return null;
        });
    }

    /// <summary>Only an empty namespace goes: functions are deleted by name, not by the way.</summary>
    public Task DeleteAsync(HttpContext http) => AnswerAsync(http, StatusCodes.Status202Accepted, () => Task.FromResult(Delete(http)));

    private (int Status, string Text)? Delete(HttpContext http)
    {
        var name = NameOf(http);
        if (namespaces.Find(name) is null)
        {
            return NotFound(http);
        }

        if (name == options.DefaultNamespace)
        {
            return (StatusCodes.Status400BadRequest, $"namespace {name} is the default one and stays");
        }

        // Also what is being deployed there right now.
        if (functions.All.Any(f => f.Definition.Name.Namespace == name) || claims.All.Any(claim => claim.Function.Namespace == name) || secrets.List(name).Count > 0)
        {
            return (StatusCodes.Status409Conflict, $"namespace {name} still holds functions or secrets");
        }

        namespaces.Delete(name);
        RemoveFolders(name);
        return null;
    }

    // Those that functions and secrets had there; nothing is deployed there meanwhile, and what is later makes its own anew.
    private void RemoveFolders(string name)
    {
        var data = options.Data;
        foreach (var folder in new[] { data.Functions, data.Secrets, data.Mounts, data.Work, data.Views, data.Logs }.Select(all => Path.Combine(all, name)).Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // Something lies there: of a function whose deletion has not come to its end, or what somebody put there.
            }
        }
    }

    // Null from the change means that it was made. Nobody else changes anything meanwhile; and nobody waits for the caller to take the answer.
    private async Task AnswerAsync(HttpContext http, int success, Func<Task<(int Status, string Text)?>> change)
    {
        (int Status, string Text)? refusal;
        using (await claims.EnterAsync(http.RequestAborted))
        {
            refusal = await change();
        }

        if (refusal is { } refused)
        {
            await Answer.TextAsync(http, refused.Status, refused.Text);
        }
        else
        {
            http.Response.StatusCode = success;
        }
    }

    private static string NameOf(HttpContext http) => (string?)http.Request.RouteValues["name"] ?? "";

    private static (int Status, string Text) NotFound(HttpContext http) => (StatusCodes.Status404NotFound, $"namespace {NameOf(http)} not found");

    private static Task NotFoundAsync(HttpContext http) => Answer.TextAsync(http, NotFound(http).Status, NotFound(http).Text);
}
