using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OutputCaching;

namespace Mptcp.AspNetCore.Policy;

/// <summary>Output caching answers before the endpoint runs, and does not look at <c>Cache-Control</c>.</summary>
internal static class OutputCache
{
    /// <summary>Keeps the response of this request out of the output cache, wherever that is in the pipeline.</summary>
    public static void Prevent(HttpContext context)
    {
        if (context.Features.Get<IOutputCacheFeature>() is { } cache)
        {
            cache.Context.AllowCacheStorage = false;
        }
    }
}
