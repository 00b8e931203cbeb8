const CHOICES = {
 "questions": [
  {
   "name": "project_name",
   "prompt": "What is the service called? People will see this name",
   "default": "My Service"
  },
  {
   "name": "project_slug",
   "prompt": "What should its folder be called? Lower-case letters, digits and hyphens",
   "default": ""
  },
  {
   "name": "description",
   "prompt": "What does it do, in one sentence?",
   "default": "A small web service that starts out secure."
  },
  {
   "name": "security_contact",
   "prompt": "Where can people report a vulnerability? An e-mail address or https page",
   "default": "security@example.com"
  },
  {
   "name": "csp",
   "prompt": "Which scripts may run in pages? The browser blocks all others, an attacker's too (Content-Security-Policy)",
   "choices": {
    "strict": "only scripts that the app itself marks. Right for most services",
    "paranoid": "strict, and innerHTML is blocked too; pages lead only to sites that you list",
    "relaxed": "also scripts from this site and sites that you name next, and style attributes. For older pages"
   }
  },
  {
   "name": "csp_sources",
   "prompt": "Which other sites do pages load styles, fonts or images from? Such as https://cdn.example.com; Enter for none",
   "default": ""
  },
  {
   "name": "framing",
   "prompt": "Which sites may show your pages in a frame? A hidden frame can steal clicks (clickjacking)",
   "choices": {
    "deny": "none. Right for most services",
    "sameorigin": "only this service itself",
    "allowlist": "only the sites that you name next"
   }
  },
  {
   "name": "frame_ancestors",
   "prompt": "Only for allowlist: which sites? Such as https://portal.example.com; Enter for none",
   "default": ""
  },
  {
   "name": "cors_origins",
   "prompt": "Which other sites may call your API from their pages? (CORS) Such as https://app.example.com; Enter for none",
   "default": ""
  },
  {
   "name": "token_type",
   "prompt": "Which token do apps and scripts get at login? (Browsers always get a cookie.)",
   "choices": {
    "opaque": "a random token that they send with each request. Right for most services, and for mobile apps",
    "session": "the cookie that browsers get. For a single-page app (all JavaScript) on this site",
    "jwt": "a signed token, valid for ten minutes, and a refresh token. If other services check the token too"
   }
  },
  {
   "name": "accounts",
   "prompt": "Who creates user accounts?",
   "choices": {
    "builtin": "you, by a command. Right for a team or a service without sign-up",
    "self-service": "users register by e-mail, with second factors and passkeys. Needs a mail server"
   }
  }
 ],
 "taken": "abc aifc alembic and annotated_types annotationlib antigravity app argon2 argon2_cffi argon2_cffi_bindings argparse array as assert ast ast_serialize async async_timeout asynchat asyncio asyncore atexit audioop aux await bad_passwords base64 bdb binascii binhex bisect blinker break builtins bz2 cProfile calendar cbor2 cffi cfgv cgi cgitb chunk class click cmath cmd code codecs codeop collections colorama colorsys com1 com2 com3 com4 com5 com6 com7 com8 com9 compileall compression con concurrent configparser contextlib contextvars continue copy copyreg crypt cryptography csv ctypes curses dataclasses datetime dbm decimal def del deprecated difflib dis distlib distutils dns dnspython doctest dotenv elif else email email_validator encodings ensurepip enum errno except false faulthandler fcntl filecmp fileinput filelock finally flask flask_migrate flask_sqlalchemy flask_wtf fnmatch for fractions from ftplib functools gc genericpath getopt getpass gettext glob global graphlib greenlet grp gunicorn gunicorn_conf gzip hashlib heapq hmac html http identify idna if imaplib imghdr imp import importlib in iniconfig inspect instance io ipaddress is itertools itsdangerous jinja2 json jwt keyword lambda lib2to3 librt limits linecache locale logging lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9 lzma mailbox mailcap mako markupsafe marshal math migrations mimetypes mmap modulefinder msilib msvcrt multiprocessing mypy mypy_extensions netrc nis nntplib nodeenv none nonlocal not nt ntpath nturl2path nul numbers opcode openssl operator optparse or os ossaudiodev packaging pass pathlib pathspec pdb pickle pickletools pipes pkgutil platform platformdirs playwright plistlib pluggy poplib posix posixpath pprint pre_commit pre_commit_hooks prn profile profiling pstats psycopg psycopg_binary pty pwd py_compile pyasn1 pyasn1_modules pyclbr pycparser pydantic pydantic_core pydantic_settings pydoc pydoc_data pyee pyexpat pygments pyjwt pyopenssl pyotp pytest python_discovery python_dotenv pyyaml queue quopri raise random re readline redis reprlib resource return rlcompleter ruamel_yaml ruff runpy sched secrets secure_flask segno select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlalchemy sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct structlog subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios tests textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc true try tty turtle types typing typing_extensions typing_inspection tzdata unicodedata unittest urllib uu uuid uv venv virtualenv warnings wave weakref webauthn webbrowser werkzeug while winreg winsound with wrapt wsgi wsgiref wtforms xdrlib xml xmlrpc xxlimited yield zipapp zipfile zipimport zlib zoneinfo",
 "listed": {
  "csp_sources": "https://csp-sources.example",
  "frame_ancestors": "https://frame-ancestors.example",
  "cors_origins": "https://cors-origins.example"
 },
 "source": "YOUR_ORG/cookiecutter-secure-flask",
 "terms": "A nonce is a random value, new for each page, that the app writes into its own tags: a script that an attacker puts into the page has none. A listed site is one that you name at “Which other sites do pages load styles, fonts or images from?”.",
 "allowed": {
  "In a page": {
   "`<script>` with the nonce": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "`<script>` without it, such as an injected one": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "a script file with nonce, hash and `crossorigin`": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "a script file with the nonce alone": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "a script file without the nonce": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "blocked",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "the same of a listed site": {
    "by": [
     "csp",
     "csp_sources"
    ],
    "values": {
     "strict,": "blocked",
     "strict,named": "blocked",
     "paranoid,": "blocked",
     "paranoid,named": "blocked",
     "relaxed,": "blocked",
     "relaxed,named": "works"
    }
   },
   "the same of any other site": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "`onclick=\"…\"`": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "a link to `javascript:…`": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "`eval`": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "`innerHTML` and other sinks of text": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "a worker": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "a style sheet": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "a style sheet of a listed site": {
    "by": [
     "csp_sources"
    ],
    "values": {
     "": "blocked",
     "named": "works"
    }
   },
   "a style sheet of any other site": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "`<style>` with the nonce": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "`<style>` without it": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "blocked",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "`style=\"…\"`": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "blocked",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "an image": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "an image in a `data:` address": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "an image of a listed site": {
    "by": [
     "csp",
     "csp_sources"
    ],
    "values": {
     "strict,": "blocked",
     "strict,named": "works",
     "paranoid,": "blocked",
     "paranoid,named": "works",
     "relaxed,": "works",
     "relaxed,named": "works"
    }
   },
   "an image of any other https site": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "blocked",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "a font": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "a font of a listed site": {
    "by": [
     "csp_sources"
    ],
    "values": {
     "": "blocked",
     "named": "works"
    }
   },
   "`fetch` to this site": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "`fetch` to a listed site": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "audio and video": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "a page of this site in a frame": {
    "by": [
     "csp",
     "framing"
    ],
    "values": {
     "strict,deny": "blocked",
     "strict,sameorigin": "blocked",
     "strict,allowlist": "blocked",
     "paranoid,deny": "blocked",
     "paranoid,sameorigin": "blocked",
     "paranoid,allowlist": "blocked",
     "relaxed,deny": "blocked",
     "relaxed,sameorigin": "works",
     "relaxed,allowlist": "blocked"
    }
   },
   "a page of another site in a frame": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "a form that sends to this site": {
    "by": [],
    "values": {
     "": "works"
    }
   },
   "a form that sends to another site": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "an injected `<base>` that names this site": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "blocked",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   },
   "an injected `<base>` that names another site": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "a link to a listed site (in Chromium)": {
    "by": [
     "csp",
     "csp_sources"
    ],
    "values": {
     "strict,": "works",
     "strict,named": "works",
     "paranoid,": "blocked",
     "paranoid,named": "works",
     "relaxed,": "works",
     "relaxed,named": "works"
    }
   },
   "a link to any other site (in Chromium)": {
    "by": [
     "csp"
    ],
    "values": {
     "strict": "works",
     "paranoid": "blocked",
     "relaxed": "works"
    }
   }
  },
  "From outside": {
   "a site that may show your pages shows one in a frame": {
    "by": [
     "framing"
    ],
    "values": {
     "deny": "blocked",
     "sameorigin": "blocked",
     "allowlist": "works"
    }
   },
   "any other site shows a page in a frame": {
    "by": [],
    "values": {
     "": "blocked"
    }
   },
   "a page of a site that may call your API reads an answer": {
    "by": [
     "cors_origins"
    ],
    "values": {
     "": "blocked",
     "named": "works"
    }
   },
   "a page of any other site reads an answer": {
    "by": [],
    "values": {
     "": "blocked"
    }
   }
  }
 },
 "headers": {
  "X-Frame-Options": {
   "by": [
    "framing"
   ],
   "values": {
    "deny": "DENY",
    "sameorigin": "SAMEORIGIN",
    "allowlist": ""
   }
  },
  "Content-Security-Policy": {
   "by": [
    "csp",
    "csp_sources",
    "framing"
   ],
   "values": {
    "strict,,deny": "default-src 'none'; script-src 'nonce-…'; style-src 'self' 'nonce-…'; img-src 'self' data:; font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "strict,,sameorigin": "default-src 'none'; script-src 'nonce-…'; style-src 'self' 'nonce-…'; img-src 'self' data:; font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "strict,,allowlist": "default-src 'none'; script-src 'nonce-…'; style-src 'self' 'nonce-…'; img-src 'self' data:; font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors https://frame-ancestors.example; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "strict,named,deny": "default-src 'none'; script-src 'nonce-…'; style-src 'self' 'nonce-…' https://csp-sources.example; img-src 'self' data: https://csp-sources.example; font-src 'self' https://csp-sources.example; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "strict,named,sameorigin": "default-src 'none'; script-src 'nonce-…'; style-src 'self' 'nonce-…' https://csp-sources.example; img-src 'self' data: https://csp-sources.example; font-src 'self' https://csp-sources.example; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "strict,named,allowlist": "default-src 'none'; script-src 'nonce-…'; style-src 'self' 'nonce-…' https://csp-sources.example; img-src 'self' data: https://csp-sources.example; font-src 'self' https://csp-sources.example; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors https://frame-ancestors.example; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "paranoid,,deny": "default-src 'none'; script-src 'nonce-…'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "paranoid,,sameorigin": "default-src 'none'; script-src 'nonce-…'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "paranoid,,allowlist": "default-src 'none'; script-src 'nonce-…'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors https://frame-ancestors.example; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "paranoid,named,deny": "default-src 'none'; script-src 'nonce-…'; style-src 'self' https://csp-sources.example; img-src 'self' https://csp-sources.example; font-src 'self' https://csp-sources.example; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "paranoid,named,sameorigin": "default-src 'none'; script-src 'nonce-…'; style-src 'self' https://csp-sources.example; img-src 'self' https://csp-sources.example; font-src 'self' https://csp-sources.example; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "paranoid,named,allowlist": "default-src 'none'; script-src 'nonce-…'; style-src 'self' https://csp-sources.example; img-src 'self' https://csp-sources.example; font-src 'self' https://csp-sources.example; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors https://frame-ancestors.example; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "relaxed,,deny": "default-src 'self'; script-src 'self' 'nonce-…'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "relaxed,,sameorigin": "default-src 'self'; script-src 'self' 'nonce-…'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "relaxed,,allowlist": "default-src 'self'; script-src 'self' 'nonce-…'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors https://frame-ancestors.example; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "relaxed,named,deny": "default-src 'self'; script-src 'self' 'nonce-…' https://csp-sources.example; script-src-attr 'none'; style-src 'self' 'unsafe-inline' https://csp-sources.example; img-src 'self' data: https:; font-src 'self' data: https://csp-sources.example; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "relaxed,named,sameorigin": "default-src 'self'; script-src 'self' 'nonce-…' https://csp-sources.example; script-src-attr 'none'; style-src 'self' 'unsafe-inline' https://csp-sources.example; img-src 'self' data: https:; font-src 'self' data: https://csp-sources.example; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; report-uri /csp-reports; report-to csp; upgrade-insecure-requests",
    "relaxed,named,allowlist": "default-src 'self'; script-src 'self' 'nonce-…' https://csp-sources.example; script-src-attr 'none'; style-src 'self' 'unsafe-inline' https://csp-sources.example; img-src 'self' data: https:; font-src 'self' data: https://csp-sources.example; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors https://frame-ancestors.example; report-uri /csp-reports; report-to csp; upgrade-insecure-requests"
   }
  },
  "Cross-Origin-Embedder-Policy": {
   "by": [
    "csp",
    "csp_sources"
   ],
   "values": {
    "strict,": "",
    "strict,named": "",
    "paranoid,": "require-corp",
    "paranoid,named": "",
    "relaxed,": "",
    "relaxed,named": ""
   }
  },
  "Integrity-Policy": {
   "by": [
    "csp"
   ],
   "values": {
    "strict": "",
    "paranoid": "blocked-destinations=(script), endpoints=(csp)",
    "relaxed": ""
   }
  },
  "Connection-Allowlist": {
   "by": [
    "csp",
    "csp_sources"
   ],
   "values": {
    "strict,": "",
    "strict,named": "",
    "paranoid,": "(response-origin \"mailto:*\" \"tel:*\"); redirects=allow; report-to=csp",
    "paranoid,named": "(response-origin \"mailto:*\" \"tel:*\" \"https://csp-sources.example\"); redirects=allow; report-to=csp",
    "relaxed,": "",
    "relaxed,named": ""
   }
  },
  "Access-Control-Allow-Methods": {
   "by": [
    "cors_origins"
   ],
   "values": {
    "": "",
    "named": "GET, HEAD, OPTIONS, POST"
   }
  },
  "Access-Control-Allow-Headers": {
   "by": [
    "cors_origins"
   ],
   "values": {
    "": "",
    "named": "Authorization, Content-Type"
   }
  },
  "Access-Control-Max-Age": {
   "by": [
    "cors_origins"
   ],
   "values": {
    "": "",
    "named": "600"
   }
  },
  "Access-Control-Allow-Origin": {
   "by": [
    "cors_origins"
   ],
   "values": {
    "": "",
    "named": "https://cors-origins.example"
   }
  },
  "Access-Control-Expose-Headers": {
   "by": [
    "cors_origins"
   ],
   "values": {
    "": "",
    "named": "Retry-After, WWW-Authenticate, X-Request-ID"
   }
  },
  "Access-Control-Allow-Credentials": {
   "by": [
    "cors_origins",
    "token_type"
   ],
   "values": {
    ",opaque": "",
    ",session": "",
    ",jwt": "",
    "named,opaque": "",
    "named,session": "true",
    "named,jwt": ""
   }
  }
 },
 "files": {
  "csp=paranoid": {
   "app/policy.py": [
    "- CSP = csp_levels.STRICT",
    "+ CSP = csp_levels.PARANOID"
   ]
  },
  "csp=relaxed": {
   "app/policy.py": [
    "- CSP = csp_levels.STRICT",
    "+ CSP = csp_levels.RELAXED"
   ]
  },
  "csp_sources=named": {
   "app/policy.py": [
    "  CSP_SOURCES: list[str] = [",
    "+     \"https://csp-sources.example\","
   ]
  },
  "framing=sameorigin": {
   "app/policy.py": [
    "  FRAME_ANCESTORS: list[str] = [",
    "-     \"'none'\",",
    "+     \"'self'\","
   ]
  },
  "framing=allowlist": {
   "app/policy.py": [
    "  FRAME_ANCESTORS: list[str] = [",
    "-     \"'none'\",",
    "+     \"https://frame-ancestors.example\","
   ]
  },
  "cors_origins=named": {
   "app/policy.py": [
    "  CORS_ORIGINS: list[str] = [",
    "+     \"https://cors-origins.example\","
   ]
  },
  "token_type=session": {
   "app/policy.py": [
    "- TOKEN_TYPE = \"opaque\"  # noqa: S105 - a kind of token, no password",
    "+ TOKEN_TYPE = \"session\"  # noqa: S105 - a kind of token, no password"
   ]
  },
  "token_type=jwt": {
   "app/policy.py": [
    "- TOKEN_TYPE = \"opaque\"  # noqa: S105 - a kind of token, no password",
    "+ TOKEN_TYPE = \"jwt\"  # noqa: S105 - a kind of token, no password"
   ],
   "pyproject.toml": [
    "  dependencies = [",
    "+     \"pyjwt>=2.13\","
   ]
  },
  "accounts=self-service": {
   "app/__init__.py": [
    "  def create_app(settings: Settings | None = None, **overrides: object) -> Flask:",
    "+     from app import accounts",
    "+     accounts.init_app(app)"
   ],
   "app/models.py": [
    "- from secure_flask import Model, UserMixin, encrypted_column",
    "+ from secure_flask import Model",
    "+ from secure_flask.accounts import AccountMixin as UserMixin",
    "  class User(UserMixin, Model):",
    "+     # The mixin has the e-mail address and the second factors too.",
    "-     # The address is encrypted in the database, and found by `User.email == \"ada@example.org\"`.",
    "-     email = encrypted_column(index=True)"
   ],
   "app/settings.py": [
    "- from secure_flask import Settings as Base",
    "+ from secure_flask.accounts import AccountSettings as Base"
   ],
   "pyproject.toml": [
    "  dependencies = [",
    "+     \"email-validator>=2.2\",",
    "+     \"pyotp>=2.9\",",
    "+     \"segno>=1.6\",",
    "+     \"webauthn>=3\","
   ],
   "app/accounts (11 files)": [],
   "app/static/accounts (2 files)": [],
   "app/templates/accounts (32 files)": [],
   "migrations/versions/0002_accounts.py": [],
   "secure_flask/accounts (29 files)": [],
   "tests/accounts (4 files)": []
  }
 },
 "needs": {
  "`TRUSTED_HOSTS`: list the host names of this site, as in www.example.org": {
   "by": [],
   "values": {
    "": true
   }
  },
  "`SECRET_KEY`: make one by `python -c 'import secrets; print(secrets.token_urlsafe(48))'`": {
   "by": [],
   "values": {
    "": true
   }
  },
  "`ENCRYPTION_KEYS`: make one by `python -c 'import secrets; print(\"1:\" + secrets.token_urlsafe(32))'`": {
   "by": [],
   "values": {
    "": true
   }
  },
  "`BLIND_INDEX_KEYS`: make one by `python -c 'import secrets; print(\"1:\" + secrets.token_urlsafe(32))'`": {
   "by": [],
   "values": {
    "": true
   }
  },
  "Over https the project tells browsers to use only https for two years, on every subdomain too (HSTS). Make sure that each subdomain has https.": {
   "by": [],
   "values": {
    "": true
   }
  },
  "security.txt tells people to write to security@example.com: put your own address into app/policy.py.": {
   "by": [
    "security_contact"
   ],
   "values": {
    "": true,
    "named": false
   }
  },
  "`PUBLIC_URL`: set it to this site's address: https://www.example.org": {
   "by": [
    "accounts"
   ],
   "values": {
    "builtin": false,
    "self-service": true
   }
  },
  "`MAIL_URL`: write smtps://user:password@mail.example.org, or smtp:// for STARTTLS": {
   "by": [
    "accounts"
   ],
   "values": {
    "builtin": false,
    "self-service": true
   }
  },
  "`MAIL_FROM`: set it to the sender of mails: no-reply@www.example.org": {
   "by": [
    "accounts"
   ],
   "values": {
    "builtin": false,
    "self-service": true
   }
  },
  "`TOKEN_KEYS`: make one by `python -c 'import secrets; print(\"1:\" + secrets.token_urlsafe(32))'`": {
   "by": [
    "token_type"
   ],
   "values": {
    "opaque": false,
    "session": false,
    "jwt": true
   }
  },
  "The session cookie does not travel to other sites. So a login works only from those cors_origins that are on the same site (app.example.com and api.example.com). For others set TOKEN_TYPE = \"opaque\" in app/policy.py.": {
   "by": [
    "cors_origins",
    "token_type"
   ],
   "values": {
    ",opaque": false,
    ",session": false,
    ",jwt": false,
    "named,opaque": false,
    "named,session": true,
    "named,jwt": false
   }
  },
  "People log in with a cookie, which does not travel to a frame on another site: there your pages have no login. app.example.com in www.example.com is the same site.": {
   "by": [
    "framing"
   ],
   "values": {
    "deny": false,
    "sameorigin": false,
    "allowlist": true
   }
  }
 }
};
