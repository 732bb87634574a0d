using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.State;

namespace Connectors.Provider.Api;

/// <summary>Namespaces: list, create, describe, update, delete.</summary>
internal sealed class NamespaceApi(ProviderOptions options, NamespaceStore namespaces, Functions functions, SecretStore secrets)
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
        if (!DeployRules.IsName(name))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"name: ({name}) is invalid, {DeployRules.NameRule}");
        }
        else if (namespaces.Find(name) is not null)
        {
            await Answer.TextAsync(http, StatusCodes.Status409Conflict, $"namespace {name} exists already");
        }
        else
        {
            await namespaces.WriteAsync(given with { Name = name });
            http.Response.StatusCode = StatusCodes.Status201Created;
        }
    }

    public async Task UpdateAsync(HttpContext http)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.FunctionNamespace) is not { } given)
        {
            return;
        }

        if (namespaces.Find(NameOf(http)) is not { } found)
        {
            await NotFoundAsync(http);
            return;
        }

        await namespaces.WriteAsync(given with { Name = found.Name });
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    /// <summary>Only an empty namespace goes: functions are deleted by name, not by the way.</summary>
    public async Task DeleteAsync(HttpContext http)
    {
        var name = NameOf(http);
        if (namespaces.Find(name) is null)
        {
            await NotFoundAsync(http);
        }
        else if (name == options.DefaultNamespace)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"namespace {name} is the default one and stays");
        }
        else if (functions.All.Any(f => f.Definition.Name.Namespace == name) || secrets.List(name).Count > 0)
        {
            await Answer.TextAsync(http, StatusCodes.Status409Conflict, $"namespace {name} still holds functions or secrets");
        }
        else
        {
            namespaces.Delete(name);
            http.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    private static string NameOf(HttpContext http) => (string?)http.Request.RouteValues["name"] ?? "";

    private static Task NotFoundAsync(HttpContext http) => Answer.TextAsync(http, StatusCodes.Status404NotFound, $"namespace {NameOf(http)} not found");
}
